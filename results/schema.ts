/**
 * What a run writes: the plan, the summary, the guest's end record, a failure. Whoever reads a run store needs this
 * file only. Every file carries `schema`; a reader that meets another number says so and skips the file.
 */

export const SCHEMA = 1

export type Verdict = 'pass' | 'fail' | 'hang' | 'crash' | 'lost' | 'inconclusive' | 'skipped'
export type Jitter = 'off' | 'low' | 'high'
export type Mode = 'stress' | 'explore'
export type ParamValue = number | string | boolean

/** One repetition of a scenario, resolved: a guest never asks the machine for a number. */
export interface PlannedInstance {
  /** `vma-lock.2`: unique in the plan, and the instance's folder. */
  readonly name: string
  readonly scenario: string
  /** The scenario's module, relative to the bundle's folder. */
  readonly module: string
  readonly mode: Mode
  readonly seed: number
  readonly params: Readonly<Record<string, ParamValue>>
  /** Thread bodies in the order of declaration, with their counts. */
  readonly threads: readonly { readonly name: string; readonly count: number }[]
  readonly bugs: readonly string[]
  readonly jitter: Jitter
  readonly durationMs: number
  readonly hangAfterMs: number
  /** Limit of the guest's data segment, bytes; 0: none. */
  readonly maxMemory: number
  readonly keepGoing: boolean
  /** CPUs it is packed as, and whether it has more threads than the budget. */
  readonly cpus: number
  readonly oversubscribed: boolean
  /** Path of the Node binary, where not the runner's own, and extra engine flags. */
  readonly node?: string
  readonly nodeArgs?: readonly string[]
}

export interface Plan {
  readonly schema: typeof SCHEMA
  readonly id: string
  readonly torture: string
  readonly argv: readonly string[]
  readonly command: 'run' | 'rerun' | 'scale' | 'bugs' | 'explore'
  /** Id of the run that this one repeats. */
  readonly origin?: string
  readonly createdAt: string
  readonly seed: number
  /** Hash of the bundle, and where it lay when the plan was made. */
  readonly bundle: string
  readonly cpus: number
  readonly failFast: boolean
  readonly instances: readonly PlannedInstance[]
  /** Names of the instances that run side by side, batch after batch. */
  readonly batches: readonly (readonly string[])[]
}

export interface Failure {
  readonly schema: typeof SCHEMA
  /** `vma-lock.1/failures/1`, relative to the run's folder: also what `torture replay` takes. */
  readonly id: string
  readonly oracle: string
  readonly message: string
  readonly seed: number
  /** `faulter[1]`, or `check`. */
  readonly thread: string
  readonly round: number
  readonly atMs: number
  /** How often the same failure (oracle and message with its numbers removed) was seen. */
  count: number
  readonly stack?: string
  readonly details?: unknown
  readonly schedule?: string
}

/** `verdict.json`: the guest's positive end record, or the judge's where there is none. */
export interface InstanceResult {
  readonly schema: typeof SCHEMA
  readonly name: string
  readonly scenario: string
  readonly verdict: Verdict
  /** One line: why it is not `pass`. */
  readonly reason?: string
  readonly by: 'guest' | 'judge'
  readonly host: string
  readonly seed: number
  readonly params: Readonly<Record<string, ParamValue>>
  readonly threads: readonly { readonly name: string; readonly count: number }[]
  readonly bugs: readonly string[]
  readonly jitter: Jitter
  readonly startedAt: string
  /** Wall time of the work itself, from the opening of the first round's gate. */
  readonly durationMs: number
  /** From the start of the guest process to the first progress of any thread. */
  readonly firstWorkMs?: number
  readonly cpuMs: number
  readonly rounds: number
  readonly counters: Readonly<Record<string, number>>
  /** Counters per second of `durationMs`. */
  readonly rates: Readonly<Record<string, number>>
  /** How often each site was passed, by name. */
  readonly sites: Readonly<Record<string, number>>
  readonly nearMisses: Readonly<Record<string, number>>
  /** CPUs the guest could use, and the share of the time that a cgroup throttled it, 0..1. */
  readonly availableCpus: number
  readonly oversubscribed: boolean
  readonly throttled?: number
  /** What this instance could not have seen, a sentence each. */
  readonly blindSpots: readonly string[]
  readonly failures: readonly {
    readonly id: string
    readonly oracle: string
    readonly message: string
    readonly count: number
    readonly path: string
  }[]
}

export interface RunInstance {
  readonly name: string
  readonly scenario: string
  readonly host: string
  readonly verdict: Verdict
  readonly reason?: string
  readonly seed: number
  readonly durationMs: number
  readonly rounds: number
  readonly counters: Readonly<Record<string, number>>
  readonly rates: Readonly<Record<string, number>>
  readonly failures: InstanceResult['failures']
}

export interface RunSummary {
  readonly schema: typeof SCHEMA
  readonly id: string
  readonly argv: readonly string[]
  readonly seed: number
  readonly bundle: string
  readonly startedAt: string
  /** Absent until the run is final. */
  readonly finishedAt?: string
  /** The runner's process, so that `rerun` can tell a live run from a dead one. */
  readonly runner: { readonly pid: number; readonly host: string; readonly startTicks?: number }
  readonly verdict?: Verdict
  readonly exitCode?: number
  readonly instances: readonly RunInstance[]
}

/** One line of `stats.jsonl`: totals since the start. */
export interface StatsLine {
  readonly atMs: number
  readonly rounds: number
  readonly counters: Readonly<Record<string, number>>
  readonly nearMisses: number
  readonly failures: number
  /** CPU time used by the guest so far. */
  readonly cpuMs: number
  readonly phase: 'setup' | 'running' | 'stutter' | 'check' | 'done'
}

/** One line that a guest writes to its runner (file descriptor 3). */
export type GuestEvent =
  | { readonly type: 'ready'; readonly pid: number }
  | { readonly type: 'firstWork'; readonly atMs: number }
  | ({ readonly type: 'stats' } & StatsLine)
  | { readonly type: 'failure'; readonly failure: Failure }
  | { readonly type: 'end'; readonly result: InstanceResult }

/** `command.json`: run `command` by hand and the same guest starts, writing to a fresh folder. */
export interface GuestCommand {
  readonly schema: typeof SCHEMA
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly bundle: string
  readonly instance: PlannedInstance
}
