/** One guest as its runner sees it: a process with a recorded command, a pipe of events, and an end. */
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import type { execa as Execa } from 'execa'
import type { GuestExit } from '../../results/judge.ts'
import { type GuestCommand, type GuestEvent, type PlannedInstance, SCHEMA } from '../../results/schema.ts'
import { prepareInstance, writeCommand } from '../../results/store.ts'
import type { Bundle } from '../bundle/manifest.ts'
import { pinnedTo } from './affinity.ts'
import { memoryLimit } from './limits.ts'

/** Setting up may take long under load; whoever hangs in it is found by the guest's own watchdog, starved or not. */
const SETUP_MS = 60_000
/** Letters of a line without end that are kept: whoever writes more is no guest of ours. */
const LONGEST_EVENT = 1 << 24
/** How long a guest that was told to stop may take before it is killed. */
const STOP_MS = 5_000

export interface GuestProcess {
  readonly dir: string
  readonly startedAt: string
  /** Settles when the process is gone and its last event was read; rejects only with what `onEvent` threw. */
  readonly ended: Promise<GuestExit & { readonly elapsedMs: number }>
  /** Asks for an orderly end; kills if there is none. */
  stop(): void
  kill(): void
}

/**
 * Starts the guest of an instance. What its folder held before is removed.
 * @param onEvent is called for each line on its descriptor 3, in order
 * @param cpu     the one that it is kept on; undefined: wherever it may run
 */
export function startGuest(
  execa: typeof Execa,
  bundle: Bundle,
  runDir: string,
  instance: PlannedInstance,
  onEvent: (event: GuestEvent) => void,
  cpu?: number,
): GuestProcess {
  const dir = prepareInstance(runDir, instance.name)
  const command = commandOf(bundle, dir, instance, cpu)
  writeCommand(dir, command)
  // Execa hands any descriptor on; its types name the first few.
  const console = openSync(join(dir, 'console.log'), 'a') as 3
  const started = performance.now()
  const startedAt = new Date().toISOString()
  const [file, ...args] = command.command
  const child = execa(file, args, {
    env: { ...command.env, TORTURE_GUEST_DIR: dir },
    stdio: ['pipe', console, console, 'pipe'],
    buffer: false,
    reject: false,
    // A terminal sends its SIGINT to the whole group: only the runner is to hear it.
    detached: process.platform !== 'win32',
    cleanup: true,
  })
  closeSync(console)

  let timedOut = false
  let gone = false
  let watch = setTimeout(timeOut, SETUP_MS + instance.durationMs + 3 * instance.hangAfterMs)
  function timeOut() {
    timedOut = true
    child.kill('SIGKILL')
  }
  const stdin = child.stdin as Writable | null
  // The guest may be gone before it was told to.
  stdin?.on('error', () => {})
  const listened = listen(child.stdio[3] as Readable | undefined, onEvent)

  return {
    dir,
    startedAt,
    ended: child.then(async ({ exitCode, signal, originalMessage, failed }) => {
      gone = true
      clearTimeout(watch)
      await listened
      const startError = failed && exitCode === undefined && signal === undefined ? originalMessage : undefined
      return { code: exitCode, signal, startError, timedOut, elapsedMs: performance.now() - started }
    }),
    stop() {
      // A watch that nobody ends would keep the runner from ending.
      if (gone) return
      stdin?.write('{"cmd":"stop"}\n')
      clearTimeout(watch)
      watch = setTimeout(timeOut, STOP_MS)
    },
    kill() {
      child.kill('SIGKILL')
    },
  }
}

function commandOf(bundle: Bundle, dir: string, instance: PlannedInstance, cpu: number | undefined): GuestCommand {
  const command = [
    ...pinnedTo(cpu),
    ...memoryLimit(instance.maxMemory, instance.node),
    instance.node ?? process.execPath,
    ...(instance.nodeArgs ?? []),
    join(bundle.dir, 'guest.js'),
    join(dir, 'command.json'),
  ]
  // What the user's shell adds to Node's flags would make two guests of one command differ.
  return { schema: SCHEMA, command, env: { NODE_OPTIONS: '' }, bundle: bundle.hash, instance }
}

/** Reads events until the pipe ends. A guest's scenario can write there too: what is no event is not passed on. */
async function listen(pipe: Readable | undefined, onEvent: (event: GuestEvent) => void): Promise<void> {
  if (pipe === undefined) return
  let torn = ''
  for await (const text of pipe.setEncoding('utf8')) {
    const lines = (torn + text).split('\n')
    torn = lines.pop()!.slice(-LONGEST_EVENT)
    for (const line of lines) {
      const event = await parseEvent(line)
      if (event !== undefined) onEvent(event)
    }
  }
}

async function parseEvent(line: string): Promise<GuestEvent | undefined> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    // Torn by the guest's end, or not an event at all.
    return undefined
  }
  // Loaded while the guest is already at work: the first fault does not wait for it.
  const [{ safeParse }, { guestEvent }] = await Promise.all([import('valibot'), import('../../results/validate.ts')])
  const checked = safeParse(guestEvent, value)
  return checked.success ? (checked.output as GuestEvent) : undefined
}
