/** The package's entry: what scenario files import, and `run` for test runners. */
import type { Reporter } from '../results/reporters/reporter.ts'
import type { RunSummary } from '../results/schema.ts'
import type { RunFlags } from './commands/run.ts'
import { UsageError } from './errors.ts'
import { hint } from './plan/nearest.ts'
import type { ParamValue } from './scenario.ts'

export type { Failure, InstanceResult, Plan, RunInstance, RunSummary, Verdict } from '../results/schema.ts'
export * from './scenario.ts'

/** As the flags of `torture run`, which explain them. */
export interface RunOptions {
  /** '30s', or milliseconds. Default 10 s. */
  readonly duration?: string | number
  readonly cpus?: number
  readonly seed?: number
  readonly params?: Readonly<Record<string, ParamValue>>
  /** How many threads of each body: `{ adder: 4 }`. */
  readonly threads?: Readonly<Record<string, number | string>>
  readonly bugs?: readonly string[]
  readonly jitter?: 'off' | 'low' | 'high'
  readonly keepGoing?: boolean
  readonly failFast?: boolean
  readonly hangAfter?: string | number
  readonly maxMemory?: string | number
  /** Folder of the run store. Default `torture-results`. */
  readonly results?: string
}

/**
 * Runs scenarios under stress and returns what `run.json` holds. Nothing is printed, and a failing scenario is data,
 * not an error.
 *
 * @param selectors as on the command line: `vma-lock`, `tag:mm`, `./ring.torture.ts`
 * @throws UsageError (its message is one line) where selectors, options or a scenario file are bad
 */
export async function run(selectors: string | readonly string[], options: RunOptions = {}): Promise<RunSummary> {
  const { stress } = await import('./commands/run.ts')
  const { summary } = await stress(toFlags([selectors].flat(), options), process.argv.slice(1), () => SILENT, false)
  return summary
}

const SILENT: Reporter = { start() {}, instanceStarted() {}, event() {}, instanceEnded() {}, end() {} }

const OPTIONS = [
  'duration',
  'cpus',
  'seed',
  'params',
  'threads',
  'bugs',
  'jitter',
  'keepGoing',
  'failFast',
  'hangAfter',
  'maxMemory',
  'results',
]

function toFlags(selectors: readonly string[], options: RunOptions): RunFlags {
  const { duration, cpus, seed, params, threads, bugs, jitter, keepGoing, failFast, hangAfter, maxMemory, results } =
    options
  const stray = Object.keys(options).find(name => !OPTIONS.includes(name))
  if (stray !== undefined) {
    throw new UsageError(`run() has no option '${stray}': ${hint(stray, OPTIONS, `there are ${OPTIONS.join(', ')}`)}`)
  }
  const pairs = (record: Readonly<Record<string, unknown>>) =>
    Object.entries(record).map(([key, value]) => `${key}=${value}`)
  const time = (value: string | number) => (typeof value === 'number' ? `${value}ms` : value)
  return {
    selectors,
    ...(duration !== undefined && { duration: time(duration) }),
    ...(cpus !== undefined && { cpus: String(cpus) }),
    ...(seed !== undefined && { seed: String(seed) }),
    ...(params !== undefined && { param: pairs(params) }),
    ...(threads !== undefined && { threads: pairs(threads) }),
    ...(bugs !== undefined && { bug: bugs }),
    ...(jitter !== undefined && { jitter }),
    ...(keepGoing !== undefined && { 'keep-going': keepGoing }),
    ...(failFast !== undefined && { 'fail-fast': failFast }),
    ...(hangAfter !== undefined && { 'hang-after': time(hangAfter) }),
    ...(maxMemory !== undefined && { 'max-memory': String(maxMemory) }),
    ...(results !== undefined && { results }),
  }
}
