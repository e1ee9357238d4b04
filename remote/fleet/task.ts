/** What a fleet is given to do, and what it tells whoever keeps the books. */
import type { HostStatus } from '../../results/reporters/reporter.ts'
import type { GuestEvent, PlannedInstance } from '../../results/schema.ts'
import type { Ending } from '../protocol.ts'
import type { Attempt, Job } from './schedule.ts'

/** What one attempt has brought. */
export interface Arrival {
  readonly attempt: Attempt
  readonly instance: PlannedInstance
  readonly ending: Ending
  /** Holds the guest's folder under the name of its instance; removed afterwards. */
  readonly folder: string
  /** Where the bundle lay on the host. */
  readonly bundle: string
}

/** What throws here is the end of the run. `T` is what a result turns out to be when it is looked at. */
export interface FleetListener<T = unknown> {
  /** The instance as it is to run now; undefined where it is not to run any more. */
  due(key: string): PlannedInstance | undefined
  /** An attempt is about to be given to its host: noted first, so that a driver that comes after knows of it. */
  assigned(attempt: Attempt): void
  started(attempt: Attempt, instance: PlannedInstance): void
  heard(attempt: Attempt, instance: PlannedInstance, event: GuestEvent): void
  /**
   * Looks at a result that is whole.
   * @throws ProtocolError where it is not one of that instance
   */
  examine(arrival: Arrival): Promise<T>
  /** It is the first one of its job, and counts. May add jobs. */
  arrived(arrival: Arrival, examined: T): void
  lost(key: string, why: string): void
  /** The last that is heard of an attempt: what became of it. */
  over(attempt: Attempt, how: 'counted' | 'late' | 'perished' | 'refused' | 'dropped'): void
  host(status: HostStatus): void
  /** The bundle is there; so many bytes of it had to travel. */
  shipped(host: string, bytes: number): void
}

export interface Task {
  readonly runDir: string
  /** Tells this driver from those before. */
  readonly session: string
  readonly jobs: readonly Job[]
  /** Attempts of earlier drivers, and whether they saw their end. */
  readonly earlier: readonly (Attempt & { readonly over: boolean })[]
  readonly oversubscribe: boolean
  readonly graceMs: number
}

/** Who carries a task out: hosts that are reached, or a batch system. */
export interface Workforce {
  /** Returns when each job is done, or not to be done any more. */
  carryOut(task: Task, listener: FleetListener): Promise<void>
  /** One more job, while the task is carried out. */
  add(job: Job): void
  /** Asks for an orderly end: of all, or of what is concerned. */
  stop(concerns?: (instance: PlannedInstance) => boolean): void
  /** Leaves nothing of the task out there. */
  bye(): Promise<void>
  /** Lets go at once; what runs out there goes on. */
  close(): void
}
