/** `torture rerun`: completes a run in place, or repeats a part of one as a new run; always from the stored bundle. */
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import type { Argv } from 'yargs'
import { readBatch } from '../../remote/batch/record.ts'
import { readFleet } from '../../remote/fleet/record.ts'
import { StoreError } from '../../results/files.ts'
import { openRun, type StoredRun } from '../../results/reader.ts'
import { createReporter } from '../../results/reporters/index.ts'
import type { ReporterKind } from '../../results/reporters/reporter.ts'
import { appendEvent, createRun, firstSummary, toRunInstance, writeSummary } from '../../results/store.ts'
import { standings } from '../../results/trials.ts'
import type { Bundle } from '../bundle/manifest.ts'
import { openBundle } from '../bundle/store.ts'
import { EXIT, UsageError } from '../errors.ts'
import { version } from '../paths.ts'
import { type Again, chooseAgain, planAgain, unfinished } from '../plan/again.ts'
import { MOST_INSTANCES, type PlanBody } from '../plan/plan.ts'
import { printPlan } from '../plan/print.ts'
import { parseCount, parseDuration } from '../plan/quantities.ts'
import { type OpenRun, runPlan } from '../runner/run-plan.ts'
import { checkResults, oneOf, parseCpus, parseReporter, storeOptions } from './flags.ts'
import { describeDestination, type FleetFlags, fleetOptions, parseFleet } from './fleet.ts'
import { openWorkplace } from './open-workplace.ts'
import type { Destination, Recorded } from './workplace.ts'

interface RerunFlags extends FleetFlags {
  readonly run?: string
  readonly failed?: boolean
  readonly only?: readonly string[]
  readonly times?: string
  readonly seed?: string
  readonly duration?: string
  readonly cpus?: string
  readonly 'no-oversubscribe'?: boolean
  readonly reporter?: string
  readonly results: string
  readonly 'dry-run'?: boolean
}

const text = { type: 'string', requiresArg: true } as const

export function options(yargs: Argv) {
  return storeOptions(
    fleetOptions(yargs)
      .positional('run', { type: 'string', describe: 'id or path of a run, or "last"; default: last' })
      .option('failed', { type: 'boolean', describe: 'a new run of all that did not pass' })
      .option('only', {
        ...text,
        array: true,
        describe: 'a new run of these scenarios or instances: vma-lock, vma-lock.2',
      })
      .option('times', { ...text, describe: 'a new run of each instance so many times' })
      .option('seed', { ...text, describe: 'same (default) or new; new makes a new run' })
      .option('duration', { ...text, describe: 'of each instance, instead of the one planned; makes a new run' })
      .option('cpus', { ...text, describe: 'CPUs to pack instances into, instead of those planned; makes a new run' })
      .option('no-oversubscribe', { type: 'boolean', describe: 'refuse instances with more threads than CPUs' }),
  )
}

export async function main(flags: RerunFlags): Promise<number> {
  const again = parseAgain(flags)
  const reporter = parseReporter(flags.reporter)
  const stored = openRun(checkResults(flags.results), flags.run ?? 'last')
  for (const problem of stored.problems) process.stderr.write(`torture: ${problem}\n`)
  refuseLive(stored)
  const recorded = recordedOf(stored, flags)
  const destination = await parseFleet(flags, recorded, again.cpus)
  if (flags['no-oversubscribe'] && destination === undefined) refuseOversubscribed(stored, again.cpus)
  const selects = again.failed || again.only.length > 0 || flags.times !== undefined
  const changes = again.seed !== undefined || again.durationMs !== undefined || again.cpus !== undefined
  const oversubscribe = !flags['no-oversubscribe']
  const how = { reporter, dryRun: flags['dry-run'] ?? false, destination, oversubscribe, recorded }
  if (!selects && !changes && stored.state !== 'final') return complete(stored, how)
  return repeat(stored, again, how)
}

/** One that is damaged is done without where it is said anew: what runs there under its name is not found again. */
function recordedOf({ dir }: StoredRun, { hosts, via }: RerunFlags): Recorded {
  try {
    return { fleet: readFleet(dir), batch: readBatch(dir) }
  } catch (error) {
    if (!(error instanceof StoreError) || (hosts ?? via) === undefined) throw error
    process.stderr.write(`torture: ${error.message}\n`)
    return {}
  }
}

/** How it is carried out. */
interface How {
  readonly reporter: ReporterKind
  readonly dryRun: boolean
  readonly destination: Destination | undefined
  readonly oversubscribe: boolean
  readonly recorded: Recorded
}

/** Carries out a run that is about to be opened: here, or by a fleet that is connected to before. */
async function carryOut(
  { reporter, destination, oversubscribe }: How,
  planned: Pick<PlanBody, 'instances'>,
  bundle: Bundle,
  recorded: Recorded,
  open: (fill?: (folder: string) => void) => OpenRun | Promise<OpenRun>,
): Promise<number> {
  const shown = createReporter(reporter, process)
  if (destination === undefined) return (await runPlan(await open(), bundle, shown)).status
  const place = await openWorkplace(destination, { oversubscribe, recorded })
  try {
    await place.ready(planned, bundle)
    const run = await open(folder => place.write(folder))
    const { status } = await runPlan(run, bundle, shown, true, await place.hire(bundle, run.dir))
    return status
  } finally {
    place.close()
  }
}

function parseAgain(flags: RerunFlags): Again {
  const fresh = flags.seed !== undefined && oneOf(flags.seed, ['same', 'new'], '--seed') === 'new'
  return {
    failed: flags.failed ?? false,
    only: flags.only ?? [],
    times: flags.times === undefined ? 1 : parseCount(flags.times, '--times', 1000),
    ...(fresh && { seed: randomBytes(4).readUInt32LE() }),
    ...(flags.duration !== undefined && { durationMs: parseDuration(flags.duration, '--duration') }),
    ...(flags.cpus !== undefined && { cpus: parseCpus(flags.cpus).cpus }),
  }
}

function refuseLive({ id, state, summary }: StoredRun): void {
  const { pid, host } = summary.runner
  if (state === 'alive')
    throw new UsageError(`${id} is still running (process ${pid}): wait for it, or stop it with SIGINT`)
  if (state === 'elsewhere') {
    throw new UsageError(`${id} was started on ${host} (process ${pid}) and may be running: rerun it there`)
  }
}

function refuseOversubscribed({ plan }: StoredRun, cpus = plan.cpus): void {
  const most = Math.min(cpus, availableParallelism())
  const wide = plan.instances.find(instance => instance.cpus > most)
  if (wide === undefined) return
  throw new UsageError(
    `${wide.name}: ${wide.cpus} threads do not fit ${most === 1 ? '1 CPU' : `${most} CPUs`}: leave out --no-oversubscribe`,
  )
}

/** The rest of a run that was cut off, in its own folder; of a fleet's, with what still runs out there. */
async function complete(stored: StoredRun, how: How): Promise<number> {
  const { plan, dir, root, results, summary } = stored
  const bundle = openBundle(root, plan.bundle)
  const left = unfinished(plan, results)
  const names = new Set(left.map(({ name }) => name))
  if (how.dryRun) {
    const rest = { ...plan, instances: left }
    const batches = plan.batches.map(batch => batch.filter(name => names.has(name))).filter(batch => batch.length > 0)
    return print({ ...rest, batches }, plan.bundle, how)
  }
  const earlier = plan.instances.filter(({ name }) => !names.has(name)).map(({ name }) => results.get(name)!)
  const { destination, recorded } = how
  return carryOut(how, { instances: left }, bundle, recorded, async fill => {
    if (recorded.batch !== undefined && destination?.via === 'ssh')
      await (await import('./slurm.ts')).leaveSlurm(dir, recorded.batch)
    const resumed = { ...firstSummary(plan), startedAt: summary.startedAt, instances: earlier.map(toRunInstance) }
    fill?.(dir)
    writeSummary(dir, resumed)
    appendEvent(dir, { type: 'resumed', left: left.length })
    return { dir, plan, summary: resumed, earlier }
  })
}

/** A new run, which names the one that it repeats. */
async function repeat(stored: StoredRun, again: Again, how: How): Promise<number> {
  const { plan: origin, root, results, id } = stored
  const chosen = chooseAgain(origin, standings(origin, results), again)
  if (chosen.length === 0) {
    process.stdout.write(`nothing to do: everything that ${id} ran passed\n`)
    return EXIT.ok
  }
  if (chosen.length * again.times > MOST_INSTANCES) {
    throw new UsageError(`${chosen.length * again.times} instances are more than ${MOST_INSTANCES}: lower --times`)
  }
  const bundle = openBundle(root, origin.bundle)
  const planned = planAgain(origin, chosen, again)
  if (how.dryRun) return print(planned, bundle.hash, how)
  const draft = {
    torture: version,
    argv: process.argv.slice(2),
    command: 'rerun' as const,
    origin: id,
    bundle: bundle.hash,
    ...planned,
  }
  return carryOut(how, planned, bundle, {}, fill =>
    createRun(root, { ...draft, createdAt: new Date().toISOString() }, fill),
  )
}

function print(plan: PlanBody, bundle: string, { destination }: How): number {
  process.stdout.write(printPlan(plan, bundle))
  if (destination !== undefined) process.stdout.write(describeDestination(destination))
  return EXIT.ok
}
