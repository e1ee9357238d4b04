/** One guest from its start to its result. */
import { join } from 'node:path'
import type { execa as Execa } from 'execa'
import { readTail } from '../../results/files.ts'
import { type GuestExit, judge } from '../../results/judge.ts'
import type { Failure, GuestEvent, InstanceResult, Interleaving, PlannedInstance } from '../../results/schema.ts'
import { instanceFolder } from '../../results/store.ts'
import type { Bundle } from '../bundle/manifest.ts'
import { type GuestProcess, startGuest } from './guest-process.ts'

export interface Attended {
  readonly result: InstanceResult
  /** What the guest said of each failure when it was found. */
  readonly failures: readonly Failure[]
  /** Of those that have a schedule, by id. */
  readonly interleavings: ReadonlyMap<string, Interleaving>
}

export interface Place {
  readonly bundle: Bundle
  /** The guest's folder is made in this one, under the name of its instance. */
  readonly folder: string
  /** The CPU that it is kept on; undefined: wherever it may run. */
  readonly cpu?: number | undefined
}

const CONSOLE_BYTES = 8192

/**
 * Starts the guest of an instance.
 * @param hear is called for each event, in order; what it throws rejects the result
 */
export function attend(
  execa: typeof Execa,
  instance: PlannedInstance,
  place: Place,
  hear: (event: GuestEvent) => void = () => {},
): { readonly guest: GuestProcess; readonly ended: Promise<Attended> } {
  const seen: Seen = { failures: [] }
  const guest = startGuest(
    execa,
    place.bundle,
    place.folder,
    instance,
    event => {
      notice(seen, event)
      hear(event)
    },
    place.cpu,
  )
  return { guest, ended: end(guest, instance, place, seen) }
}

/** What a guest said before its end, for the case that it has no end record. */
interface Seen {
  readonly failures: Failure[]
  stats?: Pick<Extract<GuestEvent, { type: 'stats' }>, 'rounds' | 'counters' | 'cpuMs'>
}

function notice(seen: Seen, event: GuestEvent): void {
  if (event.type === 'failure') seen.failures.push(event.failure)
  else if (event.type === 'stats') seen.stats = event
}

async function end(guest: GuestProcess, instance: PlannedInstance, place: Place, seen: Seen): Promise<Attended> {
  const exit = await guest.ended
  return assess(instance, { exit, startedAt: guest.startedAt, ...seen }, place)
}

/** How a guest came to its end. */
export interface Course extends Seen {
  readonly exit: GuestExit & { readonly elapsedMs: number }
  readonly startedAt: string
}

/**
 * Judges a guest by how it ended, what it had said, and what it left in its folder.
 * @param place `wrote`: the bundle's folder where the guest ran, if that was another machine
 */
export async function assess(
  instance: PlannedInstance,
  { exit, startedAt, failures, stats }: Course,
  place: Place & { readonly wrote?: string },
): Promise<Attended> {
  // Loaded late: reading back what a guest wrote takes valibot, which the start does not wait for.
  const [{ readVerdict, interleavingsOf }, { completed, placeOf }] = await Promise.all([
    import('../../results/reader.ts'),
    import('./findings.ts'),
  ])
  const dir = instanceFolder(place.folder, instance.name)
  const { result: record, problem } = readVerdict(dir)
  const judged = judge(instance, exit, {
    record,
    problem,
    console: readTail(join(dir, 'console.log'), CONSOLE_BYTES),
    startedAt,
    elapsedMs: exit.elapsedMs,
    failures: failures.map(({ id, oracle, message, count, atMs }) => ({ id, oracle, message, count, atMs, path: id })),
    ...(stats !== undefined && { stats }),
  })
  const interleavings = interleavingsOf(place.folder, failures)
  const listed = completed(judged.failures, failures, interleavings, failure =>
    placeOf(failure, instance, place.bundle, place.wrote),
  )
  return { result: { ...judged, failures: listed }, failures, interleavings }
}
