/** Where a run is carried out, if not on this machine alone: by hosts that are reached, or by a batch system. */
import type { BatchRecord } from '../../remote/batch/record.ts'
import type { HostSpec } from '../../remote/carrier.ts'
import type { FleetRecord } from '../../remote/fleet/record.ts'
import type { Bundle } from '../bundle/manifest.ts'
import type { PlanBody } from '../plan/plan.ts'
import type { Books } from '../runner/books.ts'
import type { Crew } from '../runner/crew.ts'

/** Hosts by ssh. */
export interface HostsDestination {
  readonly via: 'ssh'
  readonly hosts: readonly HostSpec[]
  readonly sshConfig?: string | undefined
  readonly shipNode: boolean
  readonly graceMs?: number
  /** Most CPUs to use of a host. */
  readonly cpus?: number | undefined
}

export interface SlurmDestination {
  readonly via: 'slurm'
  /** What all nodes see. */
  readonly directory: string
  /** For sbatch, checked. */
  readonly options: readonly string[]
  readonly shipNode: boolean
  readonly graceMs?: number
  /** Most CPUs to ask for. */
  readonly cpus?: number | undefined
}

export type Destination = HostsDestination | SlurmDestination

/** Where an earlier run, or an earlier driver of the same one, was carried out. */
export interface Recorded {
  readonly fleet?: FleetRecord | undefined
  readonly batch?: BatchRecord | undefined
}

export interface Opening {
  /** Whether instances may be wider than their host. */
  readonly oversubscribe: boolean
  /** What the driver before has begun, and is looked for. */
  readonly recorded?: Recorded | undefined
}

export interface Workplace {
  /** The CPUs of all hosts that are here; undefined where nobody knows before the work begins. */
  cpus(): Promise<number | undefined>
  /**
   * Waits until something can begin.
   * @throws UsageError where an instance fits nowhere, or the bundle is of before there were fleets; where nothing can
   * begin, an error that says why
   */
  ready(plan: Pick<PlanBody, 'instances'>, bundle: Bundle): Promise<void>
  /** Into the run's folder: a driver that comes after finds by it what still runs out there. */
  write(runDir: string): void
  hire(bundle: Bundle, runDir: string): Promise<(books: Books) => Crew>
  close(): void
}
