/** Searches a schedule that fails as real threads did, beside what they left behind. */
import { join } from 'node:path'
import type { execa as Execa } from 'execa'
import { readTrace } from '../../results/reader.ts'
import type { Failure, GuestEvent, InstanceResult, Interleaving, PlannedInstance } from '../../results/schema.ts'
import type { Bundle } from '../bundle/manifest.ts'
import { bridgeOf, hintOf, planBridge } from '../plan/bridge.ts'
import { attend } from './attend.ts'
import type { GuestProcess } from './guest-process.ts'

export interface Stressed {
  readonly instance: PlannedInstance
  readonly result: InstanceResult
  readonly failures: readonly Failure[]
}

export interface Surroundings {
  readonly bundle: Bundle
  readonly runDir: string
  readonly cpu: number | undefined
  /** Is told the guest when it starts. */
  readonly started: (guest: GuestProcess) => void
  readonly hear: (event: GuestEvent) => void
}

/** A search that found something still makes the schedule small: for no longer than it may search. */
const FACTOR = 2
/** On a crowded machine a guest is told to end before it has begun, and does not hear it: then it is killed. */
const START_MS = 15_000

/** The plan of the search; undefined where none is wanted, or nothing speaks for one. */
export function bridgeTo({ instance, result, failures }: Stressed, runDir: string): PlannedInstance | undefined {
  const [first] = failures
  if (first === undefined || (result.verdict !== 'fail' && result.verdict !== 'hang')) return undefined
  return planBridge(instance, hintOf(first.round, traceOf(runDir, first.id)))
}

function traceOf(runDir: string, id: string) {
  try {
    return readTrace(runDir, id)
  } catch (error) {
    // A search without a hint is a search, too.
    if ((error as Error).name !== 'StoreError') throw error
    return undefined
  }
}

/** The instance's result, with what the search made of its failure; and how it came about there. */
export async function crossBridge(
  execa: typeof Execa,
  { instance, result }: Stressed,
  search: PlannedInstance,
  { bundle, runDir, cpu, started, hear }: Surroundings,
): Promise<{ result: InstanceResult; interleaving?: Interleaving | undefined }> {
  const { guest, ended } = attend(execa, search, { bundle, folder: join(runDir, instance.name), cpu }, hear)
  started(guest)
  const enough = setTimeout(() => guest.stop(), START_MS + FACTOR * search.durationMs)
  try {
    const { result: found, failures, interleavings } = await ended
    const interleaving = failures.length === 0 ? undefined : interleavings.get(failures[0].id)
    return { result: { ...result, bridge: bridgeOf(result, found) }, interleaving }
  } finally {
    clearTimeout(enough)
  }
}
