/** The built command, started in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plan, RunSummary } from '../../results/schema.ts'
import { temporaryFolder } from './folders.ts'
import { plainNode } from './node.ts'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
export const CLI = join(root, 'dist/cli/cli.js')

export interface Output {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A command that was started and goes on. */
export interface Started {
  readonly child: ChildProcess
  readonly ended: Promise<Output>
  /** Settles when stdout has said something that matches; rejects if the command ends without. */
  says(pattern: RegExp): Promise<void>
}

/** A temporary folder with the results of whatever is run in it. */
export interface Workspace {
  readonly dir: string
  /** Writes files below the folder: contents by path. */
  write(files: Readonly<Record<string, string>>): void
  start(...args: string[]): Started
  torture(...args: string[]): Promise<Output>
  /** Ids of its runs, the oldest first. */
  runs(): string[]
  plan(id?: string): Plan
  summary(id?: string): RunSummary
  /** A file of JSON of the newest run. */
  read(file: string): unknown
}

/** Makes a workspace that is removed when the test ends. */
export function workspace(t: { teardown(undo: () => void): unknown }): Workspace {
  const dir = temporaryFolder(t)
  const results = join(dir, 'torture-results')
  const runs = () => (existsSync(results) ? readdirSync(results).filter(name => /^\d{4}\./.test(name)) : []).sort()
  const read = (id: string | undefined, file: string) =>
    JSON.parse(readFileSync(join(results, id ?? runs().at(-1) ?? '', file), 'utf8'))
  const start = (...args: string[]) => startIn(dir, args)
  return {
    dir,
    write(files) {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(dir, path)), { recursive: true })
        writeFileSync(join(dir, path), text)
      }
    },
    start,
    torture: (...args) => start(...args).ended,
    runs,
    plan: id => read(id, 'plan.json'),
    summary: id => read(id, 'run.json'),
    read: file => read(undefined, file),
  }
}

function startIn(cwd: string, args: readonly string[]): Started {
  const child = spawn('env', [...plainNode, CLI, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const out = { stdout: '', stderr: '' }
  const heard = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]!.setEncoding('utf8').on('data', (text: string) => {
      out[name] += text
      for (const listener of heard) listener()
    })
  }
  const ended = new Promise<Output>(resolve => {
    child.on('close', (status, signal) => resolve({ status, signal, ...out }))
  })
  const says = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const listener = () => {
        if (pattern.test(out.stdout)) resolve()
      }
      heard.add(listener)
      listener()
      void ended.then(({ status }) =>
        reject(new Error(`ended with ${status} and never said ${pattern}: ${out.stderr}${out.stdout.slice(-2000)}`)),
      )
    })
  return { child, ended, says }
}

/** A scenario that passes: one thread that counts its rounds. */
export const PASSES = `export default {
  name: 'passes', summary: 'nothing to find', tags: ['fixture'],
  params: { step: { default: 1, describe: 'what is added', min: 1, max: 9 } },
  setup: () => ({ cell: new Int32Array(new SharedArrayBuffer(4)) }),
  threads: { adder: { count: 1, run: ({ shared, more, params }) => { while (more()) Atomics.add(shared.cell, 0, params.step) } } },
  roundMs: 100,
}
`

/** A scenario that costs nothing, and so can take its time. */
export const SLEEPS = `export default {
  name: 'sleeps', summary: 'waits',
  setup: () => ({ cell: new Int32Array(new SharedArrayBuffer(4)) }),
  threads: { one: { count: 1, run: ({ shared, more }) => { while (more()) Atomics.wait(shared.cell, 0, 0, 20) } } },
}
`

/** A scenario whose every round fails. */
export const FAILS = `export default {
  name: 'fails', summary: 'fails always',
  setup: () => ({}),
  threads: { one: { count: 1, run: () => 1 } },
  check: () => { throw new Error('as expected') },
}
`

/** A scenario that loses an update by some of its schedules. */
export const LOSES = `export default {
  name: 'loses', summary: 'two threads add one without a lock',
  setup: () => ({ cells: new Int32Array(new SharedArrayBuffer(4)) }),
  threads: { adder: { count: 2, run: ({ shared: { cells } }) => {
    const value = Atomics.load(cells, 0)
    Atomics.store(cells, 0, value + 1)
  } } },
  check: ({ shared: { cells } }) => {
    if (Atomics.load(cells, 0) !== 2) throw new Error('no update is lost')
  },
}
`
