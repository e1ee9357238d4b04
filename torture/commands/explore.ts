/** `torture explore`: the deterministic scheduler searches for a schedule that fails. */
import type { Argv } from 'yargs'
import { createReporter } from '../../results/reporters/index.ts'
import type { Reporter } from '../../results/reporters/reporter.ts'
import { engines } from '../plan/engines.ts'
import { EXPLORE } from '../plan/explore.ts'
import type { Request } from '../plan/plan.ts'
import { parseCount, parseDuration } from '../plan/quantities.ts'
import { checkEmit, emitFirst } from './emit.ts'
import { oneOf, parseFocus, parseReporter, storeOptions, text, texts } from './flags.ts'
import { fleetOptions } from './fleet.ts'
import { type Launched, type LaunchFlags, launch, parseLaunch, printOnly } from './launch.ts'

const STRATEGIES = ['portfolio', 'random', 'pct', 'pos', 'urw', 'bounded', 'dpor'] as const
const MEMORY_MODELS = ['sc', 'tso', 'pso'] as const
const EXAMPLE = 'explore ./queue.torture.ts'
const MOST_EXECUTIONS = 1e12
const MOST_OPS = 1000

/** The flags as texts: from the command line, or made by `explore()` of the package. */
export interface ExploreFlags extends LaunchFlags {
  readonly strategy?: string
  readonly executions?: string
  readonly budget?: string
  readonly ops?: string
  readonly focus?: readonly string[]
  readonly 'memory-model'?: string
  readonly emit?: string
  readonly reporter?: string
  readonly 'dry-run'?: boolean
}

export function options(yargs: Argv) {
  return storeOptions(
    fleetOptions(yargs)
      .positional('selectors', {
        type: 'string',
        array: true,
        describe: "scenarios: ./queue.torture.ts, rwsem, 'lockless-*', tag:mm; 3*rwsem: by three guests",
      })
      .option('scenario', { ...texts, alias: 's', describe: 'the same as a flag; may be repeated' })
      .option('budget', { ...text, default: '60s', describe: 'of time, for each scenario: 500ms, 30s, 5m, 8h' })
      .option('executions', { ...text, describe: 'most executions of each guest; default: as many as the time allows' })
      .option('strategy', { ...text, default: EXPLORE.strategy, describe: STRATEGIES.join(', ') })
      .option('ops', {
        ...text,
        default: String(EXPLORE.ops),
        describe: 'how often more() says yes, per thread and execution',
      })
      .option('focus', {
        ...texts,
        describe: "switch threads only at cells of this name: 'vma[*].*'; default: learnt where executions are long",
      })
      .option('memory-model', {
        ...text,
        describe: `${MEMORY_MODELS.join(', ')}; tso and pso delay stores that lib marks as relaxed or release; default: sc, or what a bug needs`,
      })
      .option('emit', { ...text, describe: 'write the failing schedule to FILE, as a test that needs no torture' })
      .option('cpus', { ...text, describe: 'CPUs, with one guest each; default: all that are available' })
      .option('seed', { ...text, describe: 'of everything random; default: drawn, and recorded' })
      .option('param', { ...texts, describe: 'a parameter of the scenarios: name=value' })
      .option('threads', { ...texts, describe: 'how many threads of a body: name=4; a count of cpus means 2' })
      .option('bug', { ...texts, describe: 'switch on a bug in the scenarios it belongs to: see torture list bugs' })
      .option('keep-going', { type: 'boolean', describe: 'go on after the first failure, until the budget is used up' })
      .option('hang-after', { ...text, default: '5s', describe: 'without progress for so long a guest hangs' })
      .option('max-memory', { ...text, default: '2GiB', describe: 'of each guest; 0: no limit' }),
  )
}

export async function main(flags: ExploreFlags): Promise<number> {
  const reporter = parseReporter(flags.reporter)
  if (flags['dry-run']) return printOnly(flags, parseRequest(flags), EXAMPLE)
  const { status, emitted } = await explore(flags, process.argv.slice(2), () => createReporter(reporter, process))
  // stdout is the reporter's.
  if (emitted !== undefined) process.stderr.write(`torture: ${emitted}\n`)
  return status
}

/**
 * Plans and carries out a search. `emitted` says in one line what came of `--emit`.
 * @param signals whether SIGINT stops it in order
 */
export async function explore(
  flags: ExploreFlags,
  argv: readonly string[],
  reporter: () => Reporter,
  signals = true,
): Promise<Launched & { readonly emitted?: string }> {
  const request = parseRequest(flags)
  const launched = await launch(flags, request, { command: 'explore', argv, example: EXAMPLE, reporter, signals })
  return flags.emit === undefined ? launched : { ...launched, emitted: await emitFirst(launched, flags.emit) }
}

function parseRequest(flags: ExploreFlags): Request {
  const launched = parseLaunch(flags)
  if (flags.emit !== undefined) checkEmit(flags.emit)
  return {
    ...launched,
    explore: {
      strategy: oneOf(flags.strategy ?? EXPLORE.strategy, STRATEGIES, '--strategy'),
      executions: flags.executions === undefined ? 0 : parseCount(flags.executions, '--executions', MOST_EXECUTIONS),
      ops: parseCount(flags.ops ?? String(EXPLORE.ops), '--ops', MOST_OPS),
      ...(flags['memory-model'] !== undefined && {
        memoryModel: oneOf(flags['memory-model'], MEMORY_MODELS, '--memory-model'),
      }),
      focus: (flags.focus ?? []).map(parseFocus),
    },
    durationMs: parseDuration(flags.budget ?? '60s', '--budget'),
    jitter: 'off',
    // The first schedule that fails is the answer: what the others would find is a variation of it.
    failFast: !launched.keepGoing,
    oversubscribe: true,
    engines: engines(['default'], []),
    inspect: false,
  }
}
