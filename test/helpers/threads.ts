/**
 * Runs a scenario module on real worker threads, without the harness: for tests of what the harness runs on. One
 * bundle holds the driver and the scenario, so that a worker starts in milliseconds.
 */
import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import { removeFolder } from '../../results/files.ts'
import type { ParamValue } from '../../torture/scenario.ts'

const MOST_ROUNDS = 50

export interface Options {
  readonly ms?: number
  readonly rounds?: number
  /** Counters that must move: on a crowded machine a round may be over before a thread had its turn, and so others follow. */
  readonly seen?: readonly string[]
  readonly seed?: number
  readonly bugs?: readonly string[]
  readonly params?: Readonly<Record<string, ParamValue>>
  readonly threads?: Readonly<Record<string, number>>
  /** One site in so many loses up to a tenth of a millisecond. */
  readonly delayEvery?: number
  /** How long a thread may need to end after it was told to. */
  readonly hangMs?: number
}

export interface Failure {
  readonly oracle: string
  readonly message: string
  readonly details?: unknown
}

export interface Result {
  readonly failures: readonly Failure[]
  readonly counters: Readonly<Record<string, number>>
  readonly near: readonly string[]
  /** How often each site was passed. */
  readonly hits: Readonly<Record<string, number>>
  /** Until the first failure. */
  readonly ms: number
}

/** What a worker reports when its body has returned or thrown. */
export interface Report {
  readonly returned: unknown
  readonly failures: readonly Failure[]
  readonly counters: Readonly<Record<string, number>>
  readonly near: readonly string[]
  readonly hits: Readonly<Record<string, number>>
}

export interface Task {
  readonly body: string
  readonly index: number
  readonly thread: number
  readonly threads: Readonly<Record<string, number>>
  readonly params: Readonly<Record<string, ParamValue>>
  readonly seed: number
  readonly shared: unknown
  /** [threads at the gate, stop] */
  readonly control: Int32Array
  readonly gate: number
  readonly delayEvery: number
}

/** The file of a built-in scenario: 'rcu', or with its folder where two have the same name, 'lockless/ms-queue'. */
export function scenarioFile(name: string): URL {
  const root = new URL('../../scenarios/', import.meta.url)
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  const found = files.filter(path => `/${path}`.endsWith(`/${name}.ts`) && !/(^|\/)(bugs|bad)\//.test(path))
  if (found.length !== 1) throw new Error(`${found.length} scenarios are called ${name}.ts`)
  return new URL(found[0], root)
}

/** Bundles a scenario file once; `run` it as often as needed, `remove` it at the end. */
export async function load(scenario: URL): Promise<Driver> {
  const folder = mkdtempSync(join(tmpdir(), 'torture-test-'))
  const file = join(folder, 'bundle.mjs')
  await build({
    stdin: {
      contents: `export { default } from ${JSON.stringify(scenario.pathname)}
        import scenario from ${JSON.stringify(scenario.pathname)}
        import { work } from ${JSON.stringify(new URL('./worker.ts', import.meta.url).pathname)}
        work(scenario)`,
      resolveDir: folder,
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    outfile: file,
    logLevel: 'error',
  })
  return new Driver(file, folder, (await import(pathToFileURL(file).href)).default)
}

export class Driver {
  readonly #file: string
  readonly #folder: string
  readonly #scenario: any

  constructor(file: string, folder: string, scenario: any) {
    this.#file = file
    this.#folder = folder
    this.#scenario = scenario
  }

  remove(): void {
    removeFolder(this.#folder)
  }

  /** Rounds one after the other until the first that fails, and while something has to be seen, at most MOST_ROUNDS. */
  async run(options: Options = {}): Promise<Result> {
    const started = performance.now()
    const total = { failures: [] as Failure[], counters: {} as Record<string, number>, near: [] as string[], hits: {} }
    const enough = (rounds: number) =>
      rounds >= (options.rounds ?? 1) && (rounds >= MOST_ROUNDS || !options.seen?.some(name => !total.counters[name]))
    for (let round = 0; !enough(round) && total.failures.length === 0; round++) {
      const result = await this.#round(options, (options.seed ?? 1) * 1000 + round)
      total.failures.push(...result.failures)
      total.near.push(...result.near)
      addAll(total.counters, result.counters)
      addAll(total.hits, result.hits)
    }
    return { ...total, ms: performance.now() - started }
  }

  async #round(options: Options, seed: number): Promise<Omit<Result, 'ms'>> {
    const scenario = this.#scenario
    const params = { ...defaults(scenario.params), ...options.params }
    const threads: Record<string, number> = {}
    for (const [name, body] of Object.entries<any>(scenario.threads))
      threads[name] = options.threads?.[name] ?? (typeof body.count === 'number' ? body.count : 2)
    const gate = Object.values(threads).reduce((sum, n) => sum + n, 0)
    const control = new Int32Array(new SharedArrayBuffer(8))
    const shared = scenario.setup({ params, threads, random: undefined })
    const common = { threads, params, shared, control, gate, delayEvery: options.delayEvery ?? 0 }
    const tasks: Task[] = []
    for (const [body, count] of Object.entries(threads))
      for (let index = 0; index < count; index++)
        tasks.push({ ...common, body, index, thread: tasks.length, seed: seed * 64 + tasks.length })
    const workers = tasks.map(task => this.#start(task, options))
    const all = Promise.all(workers.map(w => w.report))
    await Promise.race([all, started(control, gate)])
    const ms = options.ms ?? 300
    const stop = setTimeout(() => Atomics.store(control, 1, 1), ms)
    const reports = await within(ms + (options.hangMs ?? 4000), all)
    clearTimeout(stop)
    await Promise.all(workers.map(w => w.worker.terminate()))
    const { failures, counters, near, hits } = collect(reports ?? workers.flatMap(w => w.reported))
    if (!reports && failures.length === 0) failures.push({ oracle: 'HANG', message: 'not all threads returned' })
    if (failures.length === 0 && scenario.check) {
      const returned: Record<string, unknown[]> = {}
      for (const [n, task] of tasks.entries()) {
        returned[task.body] = [...(returned[task.body] ?? []), reports![n].returned]
      }
      try {
        const count = (name: string, n = 1): void => addAll(counters, { [name]: n })
        scenario.check({ shared, params, threads: returned, count, near: (message: string) => near.push(message) })
      } catch (error) {
        failures.push(asFailure(error))
      }
    }
    return { failures, counters, near, hits }
  }

  #start(task: Task, options: Options): { worker: Worker; report: Promise<Report>; reported: Report[] } {
    const reported: Report[] = []
    const worker = new Worker(this.#file, {
      workerData: { torture: { bugs: options.bugs ?? [] }, task },
      // Not the test runner's loaders: the bundle needs none, and they take a second.
      execArgv: [],
    })
    const report = new Promise<Report>((resolve, reject) => {
      worker.once('message', (message: Report) => {
        reported.push(message)
        // One wrong thread is enough: let the others go home.
        if (message.failures.length > 0) Atomics.store(task.control, 1, 1)
        resolve(message)
      })
      worker.once('error', reject)
    })
    return { worker, report, reported }
  }
}

/** All threads are at the gate: how long it took them to start is not to be taken from the round. */
async function started(control: Int32Array, gate: number): Promise<void> {
  while (Atomics.load(control, 0) < gate && Atomics.load(control, 1) === 0) await setImmediate()
}

export function asFailure(error: unknown): Failure {
  const { oracle = 'error', message, stack, details } = error as Failure & Error
  return { oracle, message: oracle === 'error' ? (stack ?? message) : message, details }
}

function collect(reports: readonly Report[]): { failures: Failure[]; counters: any; near: string[]; hits: any } {
  const total = { failures: [] as Failure[], counters: {}, near: [] as string[], hits: {} }
  for (const report of reports) {
    total.failures.push(...report.failures)
    total.near.push(...report.near)
    addAll(total.counters, report.counters)
    addAll(total.hits, report.hits)
  }
  return total
}

function addAll(sums: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, n] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + n
}

function defaults(specs: Readonly<Record<string, { default: ParamValue }>> = {}): Record<string, ParamValue> {
  return Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, spec.default]))
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>(resolve => {
    timer = setTimeout(resolve, ms, undefined)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
