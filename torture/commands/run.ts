/** `torture run`: plans, stores the bundle, runs. */
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import type { Argv } from 'yargs'
import { createReporter } from '../../results/reporters/index.ts'
import type { Reporter } from '../../results/reporters/reporter.ts'
import { createRun } from '../../results/store.ts'
import type { Bundle } from '../bundle/manifest.ts'
import { keepBundle } from '../bundle/store.ts'
import { EXIT } from '../errors.ts'
import { version } from '../paths.ts'
import { engines, parseTiers, TIERS } from '../plan/engines.ts'
import { INSPECT_PORT, makePlan, type PlanBody, type Request } from '../plan/plan.ts'
import { printPlan } from '../plan/print.ts'
import { parseDuration, parseSeed, parseSize } from '../plan/quantities.ts'
import type { Ended } from '../runner/run-plan.ts'
import {
  checkResults,
  DEFAULT_RESULTS,
  oneOf,
  parseAssignments,
  parseCpus,
  parseReporter,
  storeOptions,
  text,
  texts,
} from './flags.ts'
import { withSelected } from './selected.ts'

const JITTER = ['off', 'low', 'high'] as const
/** Below this a guest with two threads cannot start. */
const LEAST_MEMORY = 64 << 20

/** The flags as texts: from the command line, or made by `run()` of the package. */
export interface RunFlags {
  readonly selectors?: readonly string[]
  readonly scenario?: readonly string[]
  readonly duration?: string
  readonly cpus?: string
  readonly seed?: string
  readonly param?: readonly string[]
  readonly threads?: readonly string[]
  readonly bug?: readonly string[]
  readonly jitter?: string
  readonly 'keep-going'?: boolean
  readonly 'fail-fast'?: boolean
  readonly 'hang-after'?: string
  readonly 'max-memory'?: string
  readonly 'no-oversubscribe'?: boolean
  readonly v8?: readonly string[]
  readonly node?: readonly string[]
  readonly inspect?: boolean
  readonly reporter?: string
  readonly results?: string
  readonly 'dry-run'?: boolean
}

export function options(yargs: Argv) {
  return storeOptions(
    yargs
      .positional('selectors', {
        type: 'string',
        array: true,
        describe: "scenarios: vma-lock, 3*vma-lock, 'lockless-*', tag:mm, ./ring.torture.ts",
      })
      .option('scenario', { ...texts, alias: 's', describe: 'the same as a flag; may be repeated' })
      .option('duration', { ...text, default: '10s', describe: 'of each instance: 500ms, 30s, 5m, 8h' })
      .option('cpus', { ...text, describe: 'CPUs to pack instances into; default: all that are available' })
      .option('seed', { ...text, describe: 'of everything random; default: drawn, and recorded' })
      .option('param', { ...texts, describe: 'a parameter of the scenarios: name=value' })
      .option('threads', { ...texts, describe: 'how many threads of a body: name=4, name=cpus-1' })
      .option('bug', { ...texts, describe: 'switch on a bug in the scenarios it belongs to: see torture list bugs' })
      .option('jitter', { ...text, default: 'low', describe: `delays at sites: ${JITTER.join(', ')}` })
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
  if (flags['dry-run']) {
    return plan(flags, (planned, bundle) => {
      process.stdout.write(printPlan(planned, bundle.hash))
      return EXIT.ok
    })
  }
  const { status } = await stress(flags, process.argv.slice(2), () => createReporter(reporter, process))
  return status
}

/**
 * Plans and carries out a run.
 * @param signals whether SIGINT stops the run in order
 */
export async function stress(
  flags: RunFlags,
  argv: readonly string[],
  reporter: () => Reporter,
  signals = true,
): Promise<Ended> {
  const results = checkResults(flags.results ?? DEFAULT_RESULTS)
  const { run, bundle } = await plan(flags, (planned, made) => {
    const bundle = keepBundle(made, resolve(results))
    const createdAt = new Date().toISOString()
    const run = createRun(results, {
      torture: version,
      argv,
      command: 'run',
      createdAt,
      bundle: bundle.hash,
      ...planned,
    })
    return { run, bundle }
  })
  const { runPlan } = await import('../runner/run-plan.ts')
  if (flags.inspect) process.stderr.write(`a debugger can attach to 127.0.0.1:${INSPECT_PORT}: chrome://inspect\n`)
  return runPlan(run, bundle, reporter(), signals)
}

/** Plans, and hands the plan on with its bundle while that is there. */
async function plan<T>(flags: RunFlags, use: (plan: PlanBody, bundle: Bundle) => T | Promise<T>): Promise<T> {
  const texts = [...(flags.selectors ?? []), ...(flags.scenario ?? [])]
  return withSelected(texts, 'run -s vma-lock', async (selected, bundle) =>
    use(makePlan(await parseRequest(flags), selected, bundle.manifest.bugs), bundle),
  )
}

async function parseRequest(flags: RunFlags): Promise<Request> {
  const tiers = parseTiers((flags.v8 ?? ['default']).join(','))
  const { inspectNodes } =
    flags.node === undefined ? { inspectNodes: undefined } : await import('../runner/node-binaries.ts')
  const nodes = (await inspectNodes?.(flags.node!.flatMap(paths => paths.split(',')))) ?? []
  return {
    ...parseCpus(flags.cpus),
    seed: flags.seed === undefined ? randomBytes(4).readUInt32LE() : parseSeed(flags.seed, '--seed'),
    durationMs: parseDuration(flags.duration ?? '10s', '--duration'),
    hangAfterMs: parseDuration(flags['hang-after'] ?? '5s', '--hang-after'),
    maxMemory: parseSize(flags['max-memory'] ?? '2GiB', '--max-memory', LEAST_MEMORY),
    params: parseAssignments(flags.param, '--param'),
    threads: parseAssignments(flags.threads, '--threads'),
    bugs: (flags.bug ?? []).flatMap(ids => ids.split(',')),
    jitter: oneOf(flags.jitter ?? 'low', JITTER, '--jitter'),
    keepGoing: flags['keep-going'] ?? false,
    failFast: flags['fail-fast'] ?? false,
    oversubscribe: !flags['no-oversubscribe'],
    engines: engines(tiers, nodes),
    inspect: flags.inspect ?? false,
  }
}
