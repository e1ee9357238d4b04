/** `torture bugs`: which of the known bugs are caught, by what, how soon. */
import type { Argv } from 'yargs'
import { finalReporter } from '../../results/reporters/final.ts'
import { createReporter } from '../../results/reporters/index.ts'
import type { EndedRun, Reporter, Streams } from '../../results/reporters/reporter.ts'
import { bugRow, bugRows } from '../../results/trials.ts'
import { builtinBundle } from '../bundle/builtin.ts'
import type { BugDescription, Bundle } from '../bundle/manifest.ts'
import { EXIT } from '../errors.ts'
import { type BugsRequest, chooseBugs, isTried, makeBugsPlan } from '../plan/bugs.ts'
import { printPlan } from '../plan/print.ts'
import { parseCount, parseDuration } from '../plan/quantities.ts'
import type { Hardness } from '../scenario.ts'
import { checkResults, DEFAULT_RESULTS, oneOf, parseReporter, storeOptions, text } from './flags.ts'
import { type LaunchFlags, parseLaunch, storeRun } from './launch.ts'

const HARDNESS: readonly Hardness[] = ['E', 'D', 'X']
const MODES = ['stress', 'explore'] as const
const MOST_TIMES = 1000

/** The flags as texts. */
export interface BugsFlags extends Pick<LaunchFlags, 'cpus' | 'seed' | 'hang-after' | 'max-memory' | 'results'> {
  readonly ids?: readonly string[]
  readonly hardness?: string
  readonly mode?: string
  readonly times?: string
  readonly duration?: string
  readonly budget?: string
  readonly controls?: string
  readonly json?: boolean
  readonly reporter?: string
  readonly 'dry-run'?: boolean
}

export function options(yargs: Argv) {
  return storeOptions(
    yargs
      .positional('ids', {
        type: 'string',
        array: true,
        describe: 'bugs, as torture list bugs names them; default: all',
      })
      .option('hardness', { ...text, describe: 'only those of it: E, D, X, or several with commas' })
      .option('mode', {
        ...text,
        describe: `${MODES.join(', ')}: the only way to try; default: explore for those of hardness X, stress for the rest`,
      })
      .option('times', { ...text, default: '3', describe: 'tries of each bug, each with a seed of its own' })
      .option('duration', { ...text, default: '20s', describe: 'most that a try by stress takes' })
      .option('budget', { ...text, default: '60s', describe: 'most that a try by exploring takes' })
      .option('controls', {
        ...text,
        describe: 'tries beside which the code without the bug runs; default: all; 0: none',
      })
      .option('cpus', { ...text, describe: 'CPUs to pack tries into; default: all that are available' })
      .option('seed', { ...text, describe: 'of everything random; default: drawn, and recorded' })
      .option('hang-after', { ...text, default: '5s', describe: 'without progress for so long a guest hangs' })
      .option('max-memory', { ...text, default: '2GiB', describe: 'of each guest; 0: no limit' })
      .option('json', { type: 'boolean', describe: 'the table as JSON on stdout' }),
  )
}

export async function main(flags: BugsFlags): Promise<number> {
  return tryBugs(flags, builtinBundle)
}

/**
 * Plans, carries out, prints.
 * @param bundle  holds the bugs and their scenarios; is asked for when the flags are known to be good
 * @param streams of the reporter
 */
export async function tryBugs(
  flags: BugsFlags,
  bundle: () => Promise<Bundle>,
  streams: Streams = process,
): Promise<number> {
  const request = parseRequest(flags)
  const hardness = parseHardness(flags.hardness)
  const kind = parseReporter(flags.reporter)
  const results = checkResults(flags.results ?? DEFAULT_RESULTS)
  const made = await bundle()
  const ids = (flags.ids ?? []).flatMap(list => list.split(','))
  const bugs = chooseBugs(made.manifest.bugs, ids, hardness)
  const body = makeBugsPlan(request, bugs, made.manifest.scenarios)
  if (flags['dry-run']) {
    streams.stdout.write(printPlan(body, made.hash))
    return EXIT.ok
  }
  const untried = bugs.filter(bug => !isTried(bug, request))
  if (untried.length > 0)
    streams.stderr.write(
      `torture: not tried, since only exploring finds them: ${untried.map(({ id }) => id).join(', ')}\n`,
    )
  const { run, bundle: kept } = storeRun(made, body, { results, command: 'bugs', argv: process.argv.slice(2) })
  const reporter: Reporter = flags.json
    ? finalReporter(ended => asJson(ended, bugs, untried), streams)
    : createReporter(kind, streams)
  const { runPlan } = await import('../runner/run-plan.ts')
  const { status } = await runPlan(run, kept, reporter)
  return status
}

function parseRequest(flags: BugsFlags): BugsRequest {
  const { seed, cpus, hostCpus, hangAfterMs, maxMemory } = parseLaunch(flags)
  const times = parseCount(flags.times ?? '3', '--times', MOST_TIMES)
  return {
    seed,
    cpus,
    hostCpus,
    hangAfterMs,
    maxMemory,
    times,
    durationMs: parseDuration(flags.duration ?? '20s', '--duration'),
    budgetMs: parseDuration(flags.budget ?? '60s', '--budget'),
    mode: flags.mode === undefined ? undefined : oneOf(flags.mode, MODES, '--mode'),
    controls: flags.controls === undefined ? times : parseCount(flags.controls, '--controls', times, 0),
  }
}

function parseHardness(list: string | undefined): readonly Hardness[] {
  return list === undefined ? HARDNESS : list.split(',').map(word => oneOf(word, HARDNESS, '--hardness'))
}

/** In the order of the catalogue, with those that were not tried. */
function asJson(
  { plan, results }: EndedRun,
  bugs: readonly BugDescription[],
  untried: readonly BugDescription[],
): string {
  const tried = new Map(bugRows(plan, results).map(row => [row.bug, row]))
  for (const { id, hardness, scenarios } of untried)
    tried.set(id, bugRow({ bug: id, hardness, scenario: scenarios[0], mode: 'explore' }, [], results))
  const rows = bugs.flatMap(({ id }) => tried.get(id) ?? [])
  return `${JSON.stringify(rows, null, 2)}\n`
}
