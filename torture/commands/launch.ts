/** From a request to a run: plans, stores the bundle, carries it out. What `run` and `explore` have in common. */
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import type { Reporter } from '../../results/reporters/reporter.ts'
import type { Plan } from '../../results/schema.ts'
import { createRun, type Run } from '../../results/store.ts'
import type { Bundle } from '../bundle/manifest.ts'
import { keepBundle } from '../bundle/store.ts'
import { EXIT, UsageError } from '../errors.ts'
import { version } from '../paths.ts'
import { makePlan, type PlanBody, type Request } from '../plan/plan.ts'
import { printPlan } from '../plan/print.ts'
import { parseDuration, parseSeed, parseSize } from '../plan/quantities.ts'
import type { Ended } from '../runner/run-plan.ts'
import { checkResults, DEFAULT_RESULTS, parseAssignments, parseCpus } from './flags.ts'
import { describeDestination, type FleetFlags, parseFleet } from './fleet.ts'
import { openWorkplace } from './open-workplace.ts'
import { withSelected } from './selected.ts'
import type { Destination, Workplace } from './workplace.ts'

/** Below this a guest with two threads cannot start. */
const LEAST_MEMORY = 64 << 20

/** The flags as texts: from the command line, or made by the package's functions. */
export interface LaunchFlags extends FleetFlags {
  readonly selectors?: readonly string[]
  readonly scenario?: readonly string[]
  readonly cpus?: string
  readonly seed?: string
  readonly param?: readonly string[]
  readonly threads?: readonly string[]
  readonly bug?: readonly string[]
  readonly 'keep-going'?: boolean
  readonly 'hang-after'?: string
  readonly 'max-memory'?: string
  readonly results?: string
}

/** What those flags say; whatever is missing has its default. */
export function parseLaunch(flags: LaunchFlags) {
  return {
    ...parseCpus(flags.cpus),
    seed: flags.seed === undefined ? randomBytes(4).readUInt32LE() : parseSeed(flags.seed, '--seed'),
    hangAfterMs: parseDuration(flags['hang-after'] ?? '5s', '--hang-after'),
    maxMemory: parseSize(flags['max-memory'] ?? '2GiB', '--max-memory', LEAST_MEMORY),
    params: parseAssignments(flags.param, '--param'),
    threads: parseAssignments(flags.threads, '--threads'),
    bugs: (flags.bug ?? []).flatMap(ids => ids.split(',')),
    keepGoing: flags['keep-going'] ?? false,
  } satisfies Partial<Request>
}

/** Who asks for a run, and how it is shown. */
export interface Launch {
  readonly command: Plan['command']
  readonly argv: readonly string[]
  /** What a user who selected nothing could have typed. */
  readonly example: string
  /** Is asked when the plan stands, and nothing has been started. */
  readonly reporter: () => Reporter
  /** Whether SIGINT stops the run in order. */
  readonly signals: boolean
}

/** A run that ended, with what else it takes to look into it. */
export interface Launched extends Ended {
  readonly plan: Plan
  readonly bundle: Bundle
  /** The run's folder. */
  readonly dir: string
}

export async function launch(flags: LaunchFlags, request: Request, how: Launch): Promise<Launched> {
  const results = checkResults(flags.results ?? DEFAULT_RESULTS)
  const destination = await destinationOf(flags, request)
  if (destination !== undefined) return launchFleet(flags, request, { ...how, results }, destination)
  const { run, bundle } = await plan(flags, request, how.example, (planned, made) =>
    storeRun(made, planned, { ...how, results }),
  )
  const { runPlan } = await import('../runner/run-plan.ts')
  const ended = await runPlan(run, bundle, how.reporter(), how.signals)
  return { ...ended, plan: run.plan, bundle, dir: run.dir }
}

/** The same over hosts: they are connected to while the plan is made, and nothing is stored before one is there. */
async function launchFleet(
  flags: LaunchFlags,
  request: Request,
  how: Launch & { readonly results: string },
  destination: Destination,
): Promise<Launched> {
  const place = await openWorkplace(destination, { oversubscribe: request.oversubscribe })
  try {
    const { run, bundle } = await plan(flags, forPlace(request, place), how.example, async (planned, made) => {
      await place.ready(planned, made)
      return storeRun(made, planned, how, folder => place.write(folder))
    })
    const [{ runPlan }, hire] = await Promise.all([import('../runner/run-plan.ts'), place.hire(bundle, run.dir)])
    const ended = await runPlan(run, bundle, how.reporter(), how.signals, hire)
    return { ...ended, plan: run.plan, bundle, dir: run.dir }
  } finally {
    place.close()
  }
}

/** How wide a host is, is known when an instance gets there. */
const forFleet = (request: Request): Request => ({ ...request, oversubscribe: true })

/** A search without a count has a guest for each CPU that is here. */
async function forPlace(request: Request, place: Workplace): Promise<Request> {
  const guests = request.explore === undefined ? undefined : await place.cpus()
  return { ...forFleet(request), ...(guests !== undefined && { guests }) }
}

async function destinationOf(flags: LaunchFlags, request: Request): Promise<Destination | undefined> {
  const destination = await parseFleet(flags, {}, flags.cpus === undefined ? undefined : request.cpus)
  if (destination === undefined) return undefined
  const [out, own] =
    destination.via === 'slurm'
      ? ['--via slurm', '--ship-node takes the present one along']
      : ['--hosts', 'give each host its own in the hosts file']
  if (request.inspect) throw new UsageError(`--inspect looks at a guest on this machine: leave out ${out}`)
  if (request.engines.some(({ node }) => node !== undefined))
    throw new UsageError(`--node names binaries of this machine: ${own}`)
  return destination
}

/** Gives a plan its place in the results folder, and the bundle that it runs. @param fill see `createRun` */
export function storeRun(
  made: Bundle,
  planned: PlanBody,
  { results, command, argv }: Pick<Launch, 'command' | 'argv'> & { readonly results: string },
  fill?: (folder: string) => void,
): { readonly run: Run; readonly bundle: Bundle } {
  const bundle = keepBundle(made, resolve(results))
  const createdAt = new Date().toISOString()
  const draft = { torture: version, argv, command, createdAt, bundle: bundle.hash, ...planned }
  return { run: createRun(results, draft, fill), bundle }
}

/** `--dry-run`. */
export async function printOnly(flags: LaunchFlags, request: Request, example: string): Promise<number> {
  checkResults(flags.results ?? DEFAULT_RESULTS)
  const destination = await destinationOf(flags, request)
  return plan(flags, destination === undefined ? request : forFleet(request), example, (planned, bundle) => {
    process.stdout.write(printPlan(planned, bundle.hash))
    if (destination !== undefined) process.stdout.write(describeDestination(destination))
    return EXIT.ok
  })
}

/** Plans, and hands the plan on with its bundle while that is there. */
async function plan<T>(
  { selectors = [], scenario = [] }: LaunchFlags,
  request: Request | Promise<Request>,
  example: string,
  use: (plan: PlanBody, bundle: Bundle) => T | Promise<T>,
): Promise<T> {
  return withSelected([...selectors, ...scenario], example, async (selected, bundle) => {
    const asked = await request
    const planned = makePlan(asked, selected, bundle.manifest.bugs)
    if (!asked.inspect) return use(planned, bundle)
    const { withUnpacked } = await import('../bundle/unpacked.ts')
    return withUnpacked(bundle, made => use(planned, made))
  })
}
