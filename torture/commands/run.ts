/** `torture run`: plans, stores the bundle, runs. */
import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Argv } from 'yargs'
import { createReporter } from '../../results/reporters/index.ts'
import type { Reporter } from '../../results/reporters/reporter.ts'
import { createRun } from '../../results/store.ts'
import { builtinBundle, builtinEntries } from '../bundle/builtin.ts'
import type { Bundle, ScenarioDescription } from '../bundle/manifest.ts'
import { keepBundle } from '../bundle/store.ts'
import { EXIT, UsageError } from '../errors.ts'
import { version } from '../paths.ts'
import { engines, parseTiers, TIERS } from '../plan/engines.ts'
import { INSPECT_PORT, makePlan, type PlanBody, type Request } from '../plan/plan.ts'
import { printPlan } from '../plan/print.ts'
import { parseDuration, parseSeed, parseSize } from '../plan/quantities.ts'
import { parseSelectors, select } from '../plan/selector.ts'
import type { Ended } from '../runner/run-plan.ts'
import {
  checkResults,
  DEFAULT_RESULTS,
  oneOf,
  parseAssignments,
  parseCpus,
  parseReporter,
  storeOptions,
} from './flags.ts'

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

const text = { type: 'string', requiresArg: true } as const
const texts = { type: 'string', array: true, requiresArg: true } as const

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
  return plan(flags, async (planned, made) => {
    const bundle = keepBundle(made, resolve(results))
    const run = createRun(results, {
      torture: version,
      argv,
      command: 'run',
      createdAt: new Date().toISOString(),
      bundle: bundle.hash,
      ...planned,
    })
    const { runPlan } = await import('../runner/run-plan.ts')
    if (flags.inspect) process.stderr.write(`a debugger can attach to 127.0.0.1:${INSPECT_PORT}: chrome://inspect\n`)
    return runPlan(run, bundle, reporter(), signals)
  })
}

/** Finds or makes the bundle, plans, and hands both on while the bundle is there. */
async function plan<T>(flags: RunFlags, use: (plan: PlanBody, bundle: Bundle) => T | Promise<T>): Promise<T> {
  const selectors = parseSelectors([...(flags.selectors ?? []), ...(flags.scenario ?? [])])
  if (selectors.length === 0) {
    throw new UsageError(
      'no scenario is selected: name one, as in torture run -s vma-lock, or see torture list scenarios',
    )
  }
  const request = await parseRequest(flags)
  const paths = [...new Set(selectors.filter(({ kind }) => kind === 'path').map(({ value }) => value))]
  for (const path of paths) checkFile(path)
  const go = (bundle: Bundle, files: ReadonlyMap<string, ScenarioDescription>) => {
    const { scenarios, bugs } = bundle.manifest
    return use(makePlan(request, select(selectors, scenarios, files), bugs), bundle)
  }
  const builtin = await builtinBundle()
  if (paths.length === 0) return go(builtin, new Map())
  const unique = [...new Set(paths.map(path => resolve(path)))]
  const { withNewBundle } = await import('../bundle/make.ts')
  return withNewBundle(
    { ...builtinEntries(), user: unique },
    made => go(made, new Map(paths.map(path => [path, made.user[unique.indexOf(resolve(path))]]))),
    builtin.manifest,
  )
}

function checkFile(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) throw new UsageError(`there is no scenario file ${path}`)
  if (!stat.isFile()) throw new UsageError(`${path} is not a file: name a scenario file`)
  if (!/\.m?[jt]s$/.test(path)) throw new UsageError(`${path}: a scenario file ends in .ts, .mts, .js or .mjs`)
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
