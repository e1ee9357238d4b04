/** Bundles a scenario with the guest as the bundler does, and runs guests from that bundle as the runner does. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { removeFolder } from '../../results/files.ts'
import type { Failure, GuestEvent, InstanceResult, PlannedInstance, StatsLine } from '../../results/schema.ts'
import { plainNode } from './node.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface GuestBundle {
  readonly folder: string
  readonly remove: () => void
}

/** @param scenarios files by the name under which the bundle knows them, paths relative to the repository */
export async function bundleGuest(scenarios: Readonly<Record<string, string>>): Promise<GuestBundle> {
  const folder = mkdtempSync(join(tmpdir(), 'torture-guest-'))
  const entries = Object.entries(scenarios).map(([name, file]) => [`scenarios/${name}`, join(root, file)])
  await build({
    entryPoints: {
      guest: join(root, 'torture/guest/main.ts'),
      thread: join(root, 'torture/guest/thread.ts'),
      ...Object.fromEntries(entries),
    },
    outdir: folder,
    bundle: true,
    platform: 'node',
    format: 'esm',
    splitting: true,
    sourcemap: true,
    external: ['piscina'],
    alias: { torture: join(root, 'torture/scenario.ts') },
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'\nconst require = __createRequire(import.meta.url)",
    },
    logLevel: 'error',
  })
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(join(root, 'node_modules/piscina'), join(folder, 'node_modules/piscina'))
  return { folder, remove: () => removeFolder(folder) }
}

export function instanceOf(
  scenario: string,
  threads: Readonly<Record<string, number>>,
  changes: Partial<PlannedInstance> = {},
): PlannedInstance {
  return {
    name: `${scenario}.1`,
    scenario,
    module: `scenarios/${scenario}.js`,
    mode: 'stress',
    seed: 1,
    params: {},
    threads: Object.entries(threads).map(([name, count]) => ({ name, count })),
    bugs: [],
    jitter: 'low',
    durationMs: 500,
    hangAfterMs: 5000,
    maxMemory: 0,
    keepGoing: false,
    cpus: 2,
    oversubscribed: false,
    ...changes,
  }
}

export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  readonly events: readonly GuestEvent[]
  /** Where the guest wrote. */
  readonly folder: string
  /** Undefined if there is no end record. */
  readonly result: InstanceResult | undefined
  readonly stats: readonly StatsLine[]
  /** A file of `failures/1`, parsed. */
  readonly evidence: (name: string) => any
  readonly failure: () => Failure
  readonly wallMs: number
}

export interface RunningGuest {
  readonly child: ChildProcess
  /** Resolves when an event of that type has come. */
  readonly event: (type: GuestEvent['type']) => Promise<void>
  readonly ended: Promise<Ended>
}

/** Starts a guest under a runner: events on descriptor 3, stdin held open. */
export function startGuest(bundle: GuestBundle, instance: PlannedInstance): RunningGuest {
  // Removed together with the bundle.
  const folder = mkdtempSync(join(bundle.folder, 'instance-'))
  const command = ['node', '--enable-source-maps', join(bundle.folder, 'guest.js'), join(folder, 'command.json')]
  const env = { TORTURE_GUEST_DIR: folder }
  writeFileSync(
    join(folder, 'command.json'),
    JSON.stringify({ schema: 1, command, env, bundle: bundle.folder, instance }),
  )
  const started = performance.now()
  const child = spawn('env', [...plainNode, ...command.slice(1)], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  })
  const events: GuestEvent[] = []
  const waiting = new Map<string, () => void>()
  const out = { stdout: '', stderr: '', pending: '' }
  child.stdout!.on('data', data => (out.stdout += data))
  child.stderr!.on('data', data => (out.stderr += data))
  child.stdio[3]!.on('data', (data: Buffer) => {
    const lines = (out.pending + data).split('\n')
    out.pending = lines.pop()!
    for (const line of lines) {
      const event = JSON.parse(line) as GuestEvent
      events.push(event)
      waiting.get(event.type)?.()
    }
  })
  const ended = new Promise<Ended>(done => {
    child.on('close', status => {
      const wallMs = performance.now() - started
      const { stdout, stderr } = out
      done({ status, stdout, stderr, events, folder, wallMs, ...readGuest(folder) })
    })
  })
  const event = (type: GuestEvent['type']) =>
    new Promise<void>(done => (events.some(it => it.type === type) ? done() : waiting.set(type, done)))
  return { child, event, ended }
}

export const runGuest = (bundle: GuestBundle, instance: PlannedInstance): Promise<Ended> =>
  startGuest(bundle, instance).ended

function readGuest(folder: string): Pick<Ended, 'result' | 'stats' | 'evidence' | 'failure'> {
  const path = (name: string) => join(folder, name)
  const json = (name: string) => JSON.parse(readFileSync(path(name), 'utf8'))
  return {
    result: existsSync(path('verdict.json')) ? json('verdict.json') : undefined,
    stats: existsSync(path('stats.jsonl'))
      ? readFileSync(path('stats.jsonl'), 'utf8')
          .trim()
          .split('\n')
          .map(line => JSON.parse(line))
      : [],
    evidence: name => json(`failures/1/${name}`),
    failure: () => json('failures/1/failure.json'),
  }
}
