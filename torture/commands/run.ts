/** `torture run`: scenarios under stress, or with `--mode explore` under the deterministic scheduler. */
import type { Argv } from 'yargs'
import { createReporter } from '../../results/reporters/index.ts'
import type { Reporter } from '../../results/reporters/reporter.ts'
import { type Engine, engines, parseTiers, TIERS } from '../plan/engines.ts'
import { PLAIN_SEARCH } from '../plan/explore.ts'
import { INSPECT_PORT, type Request } from '../plan/plan.ts'
import { parseDuration } from '../plan/quantities.ts'
import { oneOf, parseReporter, storeOptions, text, texts } from './flags.ts'
import { fleetOptions } from './fleet.ts'
import { type Launched, type LaunchFlags, launch, parseLaunch, printOnly } from './launch.ts'

const JITTER = ['off', 'low', 'high'] as const
const MODES = ['stress', 'explore'] as const
const EXAMPLE = 'run -s vma-lock'

/** The flags as texts: from the command line, or made by `run()` of the package. */
export interface RunFlags extends LaunchFlags {
  readonly mode?: string
  readonly duration?: string
  readonly jitter?: string
  readonly bridge?: string
  readonly 'fail-fast'?: boolean
  readonly 'no-oversubscribe'?: boolean
  readonly v8?: readonly string[]
  readonly node?: readonly string[]
  readonly inspect?: boolean
  readonly reporter?: string
  readonly 'dry-run'?: boolean
}

export function options(yargs: Argv) {
  return storeOptions(
    fleetOptions(yargs)
      .positional('selectors', {
        type: 'string',
        array: true,
        describe: "scenarios: vma-lock, 3*vma-lock, 'lockless-*', tag:mm, ./ring.torture.ts",
      })
      .option('scenario', { ...texts, alias: 's', describe: 'the same as a flag; may be repeated' })
      .option('mode', {
        ...text,
        default: 'stress',
        describe: `${MODES.join(', ')}; explore searches as torture explore does, for --duration`,
      })
      .option('duration', { ...text, default: '10s', describe: 'of each instance: 500ms, 30s, 5m, 8h' })
      .option('cpus', { ...text, describe: 'CPUs to pack instances into; default: all that are available' })
      .option('seed', { ...text, describe: 'of everything random; default: drawn, and recorded' })
      .option('param', { ...texts, describe: 'a parameter of the scenarios: name=value' })
      .option('threads', { ...texts, describe: 'how many threads of a body: name=4, name=cpus-1' })
      .option('bug', { ...texts, describe: 'switch on a bug in the scenarios it belongs to: see torture list bugs' })
      .option('jitter', { ...text, default: 'low', describe: `delays at sites: ${JITTER.join(', ')}` })
      .option('bridge', {
        ...text,
        default: '5s',
        describe: 'after a failure search a schedule that repeats it; 0: do not',
      })
      .option('keep-going', { type: 'boolean', describe: 'a guest goes on after its first failure' })
      .option('fail-fast', { type: 'boolean', describe: 'the first failure ends the run' })
      .option('hang-after', { ...text, default: '5s', describe: 'without progress for so long a guest hangs' })
      .option('max-memory', { ...text, default: '2GiB', describe: 'of each guest; 0: no limit' })
      .option('no-oversubscribe', { type: 'boolean', describe: 'refuse instances with more threads than CPUs' })
      .option('v8', { ...texts, describe: `engine tiers as an axis: ${Object.keys(TIERS).join(', ')}` })
      .option('node', { ...texts, describe: 'Node binaries as an axis: paths' })
      .option('inspect', {
        type: 'boolean',
        describe: `let a debugger look at the one guest, on port ${INSPECT_PORT}`,
      }),
  )
}

export async function main(flags: RunFlags): Promise<number> {
  const reporter = parseReporter(flags.reporter)
  if (flags['dry-run']) return printOnly(flags, await parseRequest(flags), EXAMPLE)
  const { status } = await run(flags, process.argv.slice(2), () => createReporter(reporter, process))
  return status
}

/**
 * Plans and carries out a run.
 * @param signals whether SIGINT stops the run in order
 */
export async function run(
  flags: RunFlags,
  argv: readonly string[],
  reporter: () => Reporter,
  signals = true,
): Promise<Launched> {
  const request = await parseRequest(flags)
  const show = () => {
    if (request.inspect) process.stderr.write(`a debugger can attach to 127.0.0.1:${INSPECT_PORT}: chrome://inspect\n`)
    return reporter()
  }
  return launch(flags, request, { command: 'run', argv, example: EXAMPLE, reporter: show, signals })
}

async function parseRequest(flags: RunFlags): Promise<Request> {
  const tiers = parseTiers((flags.v8 ?? ['default']).join(','))
  const wanted = await enginesOf(tiers, flags.node)
  const explores = oneOf(flags.mode ?? 'stress', MODES, '--mode') === 'explore'
  const launched = parseLaunch(flags)
  return {
    ...launched,
    ...(explores && { explore: PLAIN_SEARCH }),
    durationMs: parseDuration(flags.duration ?? '10s', '--duration'),
    jitter: oneOf(flags.jitter ?? 'low', JITTER, '--jitter'),
    bridgeMs: flags.bridge === '0' ? 0 : parseDuration(flags.bridge ?? '5s', '--bridge'),
    // The first schedule that fails is the answer: what the others would find is a variation of it.
    failFast: flags['fail-fast'] ?? (explores && !launched.keepGoing),
    oversubscribe: !flags['no-oversubscribe'],
    engines: wanted,
    inspect: flags.inspect ?? false,
  }
}

/** The points of the engine axes; binaries are started only where there is something to ask them. */
async function enginesOf(tiers: readonly string[], paths: readonly string[] | undefined): Promise<Engine[]> {
  if (paths === undefined && tiers.every(tier => TIERS[tier].length === 0)) return engines(tiers, [])
  const { checkEngines, inspectNodes } = await import('../runner/node-binaries.ts')
  return checkEngines(engines(tiers, await inspectNodes((paths ?? []).flatMap(text => text.split(',')))))
}
