/** `torture replay`: carries out the schedule of a failure again, on the code of its run or on the present one. */
import type { Argv } from 'yargs'
import { openFailure, type StoredFailure } from '../../results/failures.ts'
import { shownPath, sum } from '../../results/format.ts'
import { readInterleaving } from '../../results/reader.ts'
import { renderInterleaving } from '../../results/reporters/interleaving.ts'
import { type Palette, paletteOf } from '../../results/reporters/palette.ts'
import type { PlannedInstance } from '../../results/schema.ts'
import { program, replayCommand, selection, threadFlags } from '../../results/typed.ts'
import type { Bundle } from '../bundle/manifest.ts'
import { compareSources } from '../bundle/present.ts'
import { openBundle } from '../bundle/store.ts'
import { EXIT, UsageError } from '../errors.ts'
import { UNCONTROLLED } from '../explore/report/uncontrolled.ts'
import { parseSchedule } from '../explore/schedule/schedule.ts'
import { parseCount } from '../plan/quantities.ts'
import { fitToCode, planReplay } from '../plan/replay.ts'
import { Replayer } from '../runner/replay.ts'
import { checkResults, DEFAULT_RESULTS, text } from './flags.ts'
import { type Outcome, outcomeOf, statusOf, tellOutcomes } from './replay-outcome.ts'
import { withSelected } from './selected.ts'

interface ReplayFlags {
  readonly failure?: string
  readonly trace?: boolean
  readonly schedule?: string
  readonly stored?: boolean
  readonly times?: string
  readonly results: string
}

export function options(yargs: Argv) {
  return yargs
    .positional('failure', {
      type: 'string',
      describe: 'as a failing run printed it: x.1/failures/1 (of the last run), RUN/x.1/failures/1, or its path',
    })
    .option('trace', { type: 'boolean', describe: 'print the interleaving, one column a thread' })
    .option('times', { ...text, default: '1', describe: 'carry it out so many times' })
    .option('schedule', { ...text, describe: 'this schedule instead of the stored one: a3b4a1' })
    .option('stored', { type: 'boolean', describe: 'on the code of the run, even if it was changed since' })
    .option('results', { ...text, default: DEFAULT_RESULTS, describe: 'folder of the run store' })
}

export async function main(flags: ReplayFlags): Promise<number> {
  const times = parseCount(flags.times ?? '1', '--times', 1_000_000)
  const stored = openFailure(checkResults(flags.results), flags.failure ?? '')
  const schedule = checked(flags.schedule, stored) ?? stored.failure.schedule
  if (schedule === undefined) throw unscheduled(stored)
  const bundle = openBundle(stored.run.root, stored.run.plan.bundle)
  const before = flags.schedule === undefined ? readInterleaving(stored.run.dir, stored.id) : undefined
  const instance = planReplay(stored.instance, schedule, before)
  const carryOut = (code: string, on: Bundle, fitted: PlannedInstance) => {
    const head = `${stored.run.id}/${stored.id} on ${code}\n`
    const same = on === bundle && flags.schedule === undefined
    return replay(on, fitted, stored, { head, times, trace: flags.trace ?? false, same })
  }
  const kept = `the code of the run (bundle ${bundle.hash.slice(0, 12)}`
  if (flags.stored) return carryOut(`${kept}, --stored)`, bundle, instance)
  const present = compareSources(bundle, instance)
  if (present.state === 'same') return carryOut(`${kept}, unchanged since)`, bundle, instance)
  if (present.state === 'gone') return carryOut(`${kept}: ${shownPath(present.file)} is gone)`, bundle, instance)
  const changed = `the present code (since the run ${names(present.files)} changed; --stored takes the old)`
  return withSelected([instance.file ?? instance.scenario], '', ([{ scenario }], made) => {
    const fitted = fitToCode(instance, scenario, made.manifest)
    if (typeof fitted !== 'string') return carryOut(changed, made, fitted)
    process.stdout.write(`${stored.run.id}/${stored.id} on ${changed}\n`)
    process.stdout.write(`? does not fit the code any more: ${fitted}\n${anew(instance)}\n`)
    return EXIT.infrastructure
  })
}

/** Whether the failure is gone, only a search can tell. */
const anew = (instance: PlannedInstance) =>
  `  whether it still fails by another schedule: ${[program(), 'explore', ...selection(instance)].join(' ')}`

/** @throws UsageError where `--schedule` is none, or none for that many threads */
function checked(schedule: string | undefined, { instance }: StoredFailure): string | undefined {
  if (schedule === undefined) return undefined
  try {
    parseSchedule(schedule, sum(instance.threads.map(({ count }) => count)))
    return schedule
  } catch (error) {
    throw new UsageError(`--schedule: ${(error as Error).message}`)
  }
}

/** A failure of parallel threads has no schedule; a search may find one that fails in the same way. */
function unscheduled({ id, run, instance }: StoredFailure): UsageError {
  const bridged = run.results.get(instance.name)?.bridge?.replay
  if (bridged !== undefined) {
    return new UsageError(
      `${run.id}/${id} was seen under stress; what explore found of it: ${replayCommand(run.id, bridged)}`,
    )
  }
  const command = [program(), 'explore', ...selection(instance), ...threadFlags(instance)].join(' ')
  return new UsageError(
    `${run.id}/${id} was seen under ${instance.mode}, and no schedule is known that repeats it: search one with ${command}`,
  )
}

const MOST_NAMED = 2
/** Of an interleaving, on a stream without columns. */
const WIDEST = 160

const names = (files: readonly string[]) =>
  [
    ...files.slice(0, MOST_NAMED).map(shownPath),
    ...(files.length > MOST_NAMED ? [`${files.length - MOST_NAMED} more`] : []),
  ].join(', ')

interface How {
  /** What is carried out, on which code. */
  readonly head: string
  readonly times: number
  readonly trace: boolean
  /** Whether code and schedule are those of the failure. */
  readonly same: boolean
}

async function replay(
  bundle: Bundle,
  instance: PlannedInstance,
  { failure }: StoredFailure,
  { head, times, trace, same }: How,
): Promise<number> {
  const paint = paletteOf(process.stdout)
  const replayer = new Replayer(bundle, instance)
  const stop = () => replayer.stop()
  process.once('SIGINT', stop).once('SIGTERM', stop)
  // Whoever has read this may send a signal at once.
  process.stdout.write(head)
  const outcomes: Outcome[] = []
  for await (const replayed of replayer.replays(times)) outcomes.push(outcomeOf(replayed, failure, same))
  process.off('SIGINT', stop).off('SIGTERM', stop)
  if (outcomes.length === 0) return EXIT.interrupted
  process.stdout.write(`${tellOutcomes(outcomes, times, paint).join('\n')}\n`)
  if (trace) process.stdout.write(`${traceOf(outcomes, paint)}\n`)
  if (outcomes.some(({ kind }) => kind === 'differs')) process.stdout.write(`  ${UNCONTROLLED}\n`)
  if (outcomes.some(({ kind }) => kind === 'misfit')) process.stdout.write(`${anew(instance)}\n`)
  return outcomes.length < times ? EXIT.interrupted : statusOf(outcomes)
}

/** The interleaving of the first replay that failed. */
function traceOf(outcomes: readonly Outcome[], paint: Palette): string {
  const interleaving = outcomes.find(outcome => outcome.interleaving !== undefined)?.interleaving
  if (interleaving === undefined) return 'there is no interleaving to show: it did not fail'
  return `\n${renderInterleaving(interleaving, { width: process.stdout.columns ?? WIDEST, paint })}`
}
