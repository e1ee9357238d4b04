/** `torture rerun`: completes a run in place, or repeats a part of one as a new run; always from the stored bundle. */
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import type { Argv } from 'yargs'
import { openRun, type StoredRun } from '../../results/reader.ts'
import { createReporter } from '../../results/reporters/index.ts'
import type { ReporterKind } from '../../results/reporters/reporter.ts'
import { appendEvent, createRun, firstSummary, toRunInstance, writeSummary } from '../../results/store.ts'
import { standings } from '../../results/trials.ts'
import { openBundle } from '../bundle/store.ts'
import { EXIT, UsageError } from '../errors.ts'
import { version } from '../paths.ts'
import { type Again, chooseAgain, planAgain, unfinished } from '../plan/again.ts'
import { MOST_INSTANCES, type PlanBody } from '../plan/plan.ts'
import { printPlan } from '../plan/print.ts'
import { parseCount, parseDuration } from '../plan/quantities.ts'
import { runPlan } from '../runner/run-plan.ts'
import { checkResults, oneOf, parseCpus, parseReporter, storeOptions } from './flags.ts'

interface RerunFlags {
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
    yargs
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
  if (flags['no-oversubscribe']) refuseOversubscribed(stored, again.cpus)
  const selects = again.failed || again.only.length > 0 || flags.times !== undefined
  const changes = again.seed !== undefined || again.durationMs !== undefined || again.cpus !== undefined
  if (!selects && !changes && stored.state !== 'final') return complete(stored, reporter, flags['dry-run'] ?? false)
  return repeat(stored, again, reporter, flags['dry-run'] ?? false)
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

/** The rest of a run that was cut off, in its own folder. */
async function complete(stored: StoredRun, reporter: ReporterKind, dryRun: boolean): Promise<number> {
  const { plan, dir, root, results, summary } = stored
  const bundle = openBundle(root, plan.bundle)
  const left = new Set(unfinished(plan, results).map(({ name }) => name))
  if (dryRun) {
    const rest = { ...plan, instances: plan.instances.filter(({ name }) => left.has(name)) }
    const batches = plan.batches.map(batch => batch.filter(name => left.has(name))).filter(batch => batch.length > 0)
    return print({ ...rest, batches }, plan.bundle)
  }
  const earlier = plan.instances.filter(({ name }) => !left.has(name)).map(({ name }) => results.get(name)!)
  const resumed = { ...firstSummary(plan), startedAt: summary.startedAt, instances: earlier.map(toRunInstance) }
  writeSummary(dir, resumed)
  appendEvent(dir, { type: 'resumed', left: left.size })
  const { status } = await runPlan({ dir, plan, summary: resumed, earlier }, bundle, createReporter(reporter, process))
  return status
}

/** A new run, which names the one that it repeats. */
async function repeat(stored: StoredRun, again: Again, reporter: ReporterKind, dryRun: boolean): Promise<number> {
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
  if (dryRun) return print(planned, bundle.hash)
  const run = createRun(root, {
    torture: version,
    argv: process.argv.slice(2),
    command: 'rerun',
    origin: id,
    createdAt: new Date().toISOString(),
    bundle: bundle.hash,
    ...planned,
  })
  const { status } = await runPlan(run, bundle, createReporter(reporter, process))
  return status
}

function print(plan: PlanBody, bundle: string): number {
  process.stdout.write(printPlan(plan, bundle))
  return EXIT.ok
}
