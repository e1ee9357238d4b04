/** The package's entry: what scenario files import, and `run` and `explore` for test runners. */
import type { Reporter } from '../results/reporters/reporter.ts'
import type { RunSummary } from '../results/schema.ts'
import type { ExploreFlags } from './commands/explore.ts'
import type { RunFlags } from './commands/run.ts'
import { UsageError } from './errors.ts'
import { hint } from './plan/nearest.ts'
import type { ParamValue } from './scenario.ts'

export type {
  Bridge,
  Exploration,
  Failure,
  InstanceResult,
  OutcomeTable,
  Plan,
  RunInstance,
  RunSummary,
  Verdict,
} from '../results/schema.ts'
export * from './scenario.ts'

/** As the flags of the command, which explain them. */
interface CommonOptions {
  readonly cpus?: number
  readonly seed?: number
  readonly params?: Readonly<Record<string, ParamValue>>
  /** How many threads of each body: `{ adder: 4 }`. */
  readonly threads?: Readonly<Record<string, number | string>>
  readonly bugs?: readonly string[]
  readonly keepGoing?: boolean
  readonly hangAfter?: string | number
  readonly maxMemory?: string | number
  /** Folder of the run store. Default `torture-results`. */
  readonly results?: string
  /** Machines to run on: names as in the ssh configuration, or a hosts file. Default: this machine. */
  readonly hosts?: string | readonly string[]
  /** The ssh configuration that knows them. Default: the user's own. */
  readonly sshConfig?: string
  readonly via?: 'ssh' | 'slurm'
  /** Takes Node along to hosts that have none, or one too old. */
  readonly shipNode?: boolean
  /** A host that is away for so long has its work given to others. Default 30 s; slurm: 10 min. */
  readonly grace?: string | number
  /** A folder that all nodes of Slurm see. */
  readonly slurmDir?: string
  /** Options for sbatch: `partition=lab`. */
  readonly slurmOptions?: readonly string[]
}

/** Options of `run`. */
export interface RunOptions extends CommonOptions {
  /** '30s', or milliseconds. Default 10 s. */
  readonly duration?: string | number
  readonly jitter?: 'off' | 'low' | 'high'
  /** How long a schedule is searched that repeats a failure. Default 5 s; 0: none is. */
  readonly bridge?: string | number
  readonly failFast?: boolean
}

/** Options of `explore`. */
export interface ExploreOptions extends CommonOptions {
  /** '30s', or milliseconds, for each scenario. Default 60 s. */
  readonly budget?: string | number
  /** Most executions of each guest. Default: as many as the time allows. */
  readonly executions?: number
  readonly strategy?: 'portfolio' | 'random' | 'pct' | 'pos' | 'urw' | 'bounded' | 'dpor'
  /** How often `more()` says yes, per thread and execution. Default 4. */
  readonly ops?: number
  /** Names of cells, with `*`, at which threads are switched. */
  readonly focus?: readonly string[]
  readonly memoryModel?: 'sc' | 'tso' | 'pso'
  /** File to write the first failing schedule to, as a `node:test` that needs no torture. */
  readonly emit?: string
}

/**
 * Runs scenarios under stress and returns what `run.json` holds. Nothing is printed, and a failing scenario is data,
 * not an error.
 *
 * @param selectors as on the command line: `vma-lock`, `tag:mm`, `./ring.torture.ts`
 * @throws UsageError (its message is one line) where selectors, options or a scenario file are bad
 */
export async function run(selectors: string | readonly string[], options: RunOptions = {}): Promise<RunSummary> {
  const { run } = await import('./commands/run.ts')
  const flags: RunFlags = toFlags('run', selectors, options, RUN)
  return (await run(flags, process.argv.slice(1), () => SILENT, false)).summary
}

/**
 * Searches for a schedule that fails and returns what `run.json` holds: `exploration` of an instance says what was
 * done, `schedule` of a failure is what `torture replay` takes. Otherwise as `run`.
 */
export async function explore(
  selectors: string | readonly string[],
  options: ExploreOptions = {},
): Promise<RunSummary> {
  const { explore } = await import('./commands/explore.ts')
  const flags: ExploreFlags = toFlags('explore', selectors, options, EXPLORE)
  return (await explore(flags, process.argv.slice(1), () => SILENT, false)).summary
}

const SILENT: Reporter = { start() {}, instanceStarted() {}, event() {}, instanceEnded() {}, end() {} }

/** An option's flag, and its value as the flag's text. */
type Spelling = readonly [flag: string, text: (value: never) => string | boolean | readonly string[]]

const time = (value: string | number) => (typeof value === 'number' ? `${value}ms` : value)
const yes = (value: boolean) => value
const list = (value: string | readonly string[]) => [value].flat()
const pairs = (record: Readonly<Record<string, unknown>>) =>
  Object.entries(record).map(([key, value]) => `${key}=${value}`)

const COMMON: Readonly<Record<keyof CommonOptions, Spelling>> = {
  cpus: ['cpus', String],
  seed: ['seed', String],
  params: ['param', pairs],
  threads: ['threads', pairs],
  bugs: ['bug', list],
  keepGoing: ['keep-going', yes],
  hangAfter: ['hang-after', time],
  maxMemory: ['max-memory', String],
  results: ['results', String],
  hosts: ['hosts', (hosts: string | readonly string[]) => [hosts].flat().join(',')],
  sshConfig: ['ssh-config', String],
  via: ['via', String],
  shipNode: ['ship-node', yes],
  grace: ['grace', time],
  slurmDir: ['slurm-dir', String],
  slurmOptions: ['slurm-option', list],
}

const RUN: Readonly<Record<keyof RunOptions, Spelling>> = {
  duration: ['duration', time],
  ...COMMON,
  jitter: ['jitter', String],
  bridge: ['bridge', value => (Number(value) === 0 ? '0' : time(value))],
  failFast: ['fail-fast', yes],
}

const EXPLORE: Readonly<Record<keyof ExploreOptions, Spelling>> = {
  budget: ['budget', time],
  executions: ['executions', String],
  strategy: ['strategy', String],
  ops: ['ops', String],
  focus: ['focus', list],
  memoryModel: ['memory-model', String],
  emit: ['emit', String],
  ...COMMON,
}

function toFlags(
  name: string,
  selectors: string | readonly string[],
  options: object,
  spellings: Readonly<Record<string, Spelling>>,
): Record<string, unknown> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const flags = given.map(([option, value]) => {
    if (!Object.hasOwn(spellings, option)) {
      const known = Object.keys(spellings)
      throw new UsageError(
        `${name}() has no option '${option}': ${hint(option, known, `there are ${known.join(', ')}`)}`,
      )
    }
    const [flag, text] = spellings[option]
    return [flag, text(value as never)]
  })
  const texts = [selectors].flat()
  if (!texts.every(text => typeof text === 'string'))
    throw new UsageError(`${name}() wants a selector or several, as in ${name}('./ring.torture.ts')`)
  return { selectors: texts, ...Object.fromEntries(flags) }
}
