/** What the runner tells while a run goes on, and how it is shown. */
import type { GuestEvent, InstanceResult, Interleaving, Plan, PlannedInstance, RunSummary } from '../schema.ts'

export const REPORTERS = ['tty', 'plain', 'json', 'tap', 'junit'] as const
export type ReporterKind = (typeof REPORTERS)[number]

/** A host of a fleet, as its driver sees it; or a batch system, which `waiting` is for: it is well, and this is how far it is. */
export interface HostStatus {
  readonly name: string
  readonly state: 'connecting' | 'shipping' | 'waiting' | 'up' | 'away' | 'gone'
  readonly cpus: number
  readonly used: number
  /** Bytes of the bundle that had to travel there. */
  readonly shipped?: number
  /** What is wrong with it, or what it waits for, in one line that names it. */
  readonly problem?: string
}

/** Every call returns at once and none throws; `dir` is the run's folder. */
export interface Reporter {
  /** @param earlier what had ended before, where a run that was cut off is completed */
  start(plan: Plan, dir: string, earlier?: Iterable<InstanceResult>): void
  /** @param host of a fleet; without one it is this machine */
  instanceStarted(instance: PlannedInstance, host?: string): void
  /** What a guest said, by the instance's name. */
  event(name: string, event: GuestEvent): void
  /** @param interleavings of its failures under explore, by their ids */
  instanceEnded(result: InstanceResult, interleavings?: ReadonlyMap<string, Interleaving>): void
  /** After a failure under stress: how a schedule is searched that repeats it. Its name is `x.1/bridge`. */
  bridgeStarted?(search: PlannedInstance, host?: string): void
  /**
   * @param name         of the search
   * @param result       of the instance that failed, with what was found
   * @param interleaving of the failing schedule
   */
  bridgeEnded?(name: string, result: InstanceResult, interleaving?: Interleaving): void
  /**
   * A host of the fleet.
   * @param changed whether its state did, or only what it has to do
   */
  hostChanged?(status: HostStatus, changed: boolean): void
  end(summary: RunSummary, dir: string): void
  /** Gives back the terminal, for those that hold it; also where an error ended the run. May be called twice. */
  stop?(): void
}

/** A run that is over, as far as it came: what the reports after its end are made of. */
export interface EndedRun {
  readonly plan: Plan
  readonly summary: RunSummary
  readonly results: ReadonlyMap<string, InstanceResult>
  /** Of the failures under explore, by their ids. */
  readonly interleavings: ReadonlyMap<string, Interleaving>
  /** The run's folder. */
  readonly dir: string
  /** Whether it is the newest run of its results folder, so that the next command need not name it. */
  readonly last: boolean
  /** Whether its runner is still at work. */
  readonly running?: boolean
}

/** As `process.stdout`: whether it is a terminal, and which one, is asked at every use. */
export type Stream = NodeJS.WritableStream &
  Partial<Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'rows' | 'hasColors'>>

/** Results go to stdout; what only accompanies them goes to stderr. */
export interface Streams {
  readonly stdout: Stream
  readonly stderr: Stream
}
