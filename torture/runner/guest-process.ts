/** One guest as its runner sees it: a process with a recorded command, a pipe of events, and an end. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { GuestExit } from '../../results/judge.ts'
import { type GuestCommand, type GuestEvent, type PlannedInstance, SCHEMA } from '../../results/schema.ts'
import { prepareInstance, writeCommand } from '../../results/store.ts'
import type { Bundle } from '../bundle/manifest.ts'
import { pinnedTo } from './affinity.ts'
import { memoryLimit } from './limits.ts'

/** Setting up may take long under load; whoever hangs in it is found by the guest's own watchdog. */
const SETUP_MS = 30_000
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
  bundle: Bundle,
  runDir: string,
  instance: PlannedInstance,
  onEvent: (event: GuestEvent) => void,
  cpu?: number,
): GuestProcess {
  const dir = prepareInstance(runDir, instance.name)
  const command = commandOf(bundle, dir, instance, cpu)
  writeCommand(dir, command)
  const console = openSync(join(dir, 'console.log'), 'a')
  const started = performance.now()
  const startedAt = new Date().toISOString()
  const [file, ...args] = command.command
  const child = spawn(file, args, {
    env: { ...process.env, ...command.env, TORTURE_GUEST_DIR: dir },
    stdio: ['pipe', console, console, 'pipe'],
    // A terminal sends its SIGINT to the whole group: only the runner is to hear it.
    detached: process.platform !== 'win32',
  })
  closeSync(console)

  let timedOut = false
  let gone = false
  let watch = setTimeout(timeOut, SETUP_MS + instance.durationMs + 3 * instance.hangAfterMs)
  function timeOut() {
    timedOut = true
    child.kill('SIGKILL')
  }
  const { stdin } = child
  // The guest may be gone before it was told to.
  stdin?.on('error', () => {})
  const listened = listen(child.stdio[3] as Readable | undefined, onEvent)

  return {
    dir,
    startedAt,
    ended: exitOf(child).then(async exit => {
      gone = true
      clearTimeout(watch)
      await listened
      return { ...exit, timedOut, elapsedMs: performance.now() - started }
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

function exitOf(child: ChildProcess): Promise<GuestExit> {
  return new Promise(resolve => {
    child.once('exit', (code, signal) => resolve({ code: code ?? undefined, signal: signal ?? undefined }))
    // Of one that runs it is a signal that could not be sent.
    child.on('error', ({ message }) => child.pid === undefined && resolve({ startError: message }))
  })
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
