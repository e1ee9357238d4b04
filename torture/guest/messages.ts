/** What the guest's main thread and its workers tell each other. Each thread has a port of its own. */
import type { MessagePort } from 'node:worker_threads'
import type { Exploration, Interleaving, PlannedInstance } from '../../results/schema.ts'
import type { ExplorerMemory, FocusMemory } from '../explore/memory.ts'
import type { Outcomes } from '../scenario.ts'
import type { Control } from './control.ts'
import type { HistoryShape } from './history/history-memory.ts'
import type { Cell } from './report/cells.ts'

/** The piscina task of one thread: its whole stay in the guest. */
export interface Stay {
  readonly thread: number
  readonly instance: PlannedInstance
  readonly control: Control
  readonly port: MessagePort
  /** Returned values that had to be cloned: to thread 0, and on thread 0 from the others. */
  readonly toFirst?: MessagePort
  readonly fromOthers: readonly (MessagePort | undefined)[]
  /** CPUs the guest may use, as the main thread saw them. */
  readonly availableCpus: number
  /** Under the deterministic scheduler only. */
  readonly explorer?: ExplorerMemory
}

/** What `setup` returned, and as many copies of its buffers as tiny rounds may use; copy 0 is the original. */
export interface SharedMessage {
  readonly type: 'shared'
  readonly shared: unknown
  readonly copies: readonly (readonly SharedArrayBuffer[])[]
  readonly values: SharedArrayBuffer
  /** Of a scenario that has a history. */
  readonly history?: { readonly shape: HistoryShape; readonly buffer: SharedArrayBuffer }
  /** Under the deterministic scheduler only. */
  readonly focus?: FocusMemory
}

export interface ConcludeMessage {
  readonly type: 'conclude'
  readonly counters: Readonly<Record<string, number>>
}

/** Is anybody there? See `knock`. */
export interface KnockMessage {
  readonly type: 'knock'
}

export type ToThread = SharedMessage | ConcludeMessage

/** What a guest's main thread knows of the outcomes of its scenario: from thread 0, which has loaded it. */
export interface Listed {
  readonly outcomes: Outcomes
  readonly observes?: readonly string[]
}

/** From thread 0 once `setup` has returned. */
export interface ReadyMessage {
  readonly type: 'ready'
  readonly shared: unknown
  readonly sites: readonly string[]
  readonly roundMs: number
  /** Whether the scenario wants to be asked for an inconclusive end. */
  readonly asks: boolean
  /** Where the scenario grades outcomes. */
  readonly listed?: Listed
  /** Of a scenario that has one: calls at which a round of long-running bodies ends, and the operations by number. */
  readonly history?: { readonly calls: number; readonly operations: readonly string[] }
}

export interface SlotMessage {
  readonly type: 'slot'
  readonly kind: 'counter' | 'near' | 'failure'
  readonly name: string
  readonly slot: number
}

export interface FailureMessage {
  readonly type: 'failure'
  readonly key: string
  readonly oracle: string
  readonly message: string
  readonly thread: string
  readonly round: number
  /** On the clock of `now()`. */
  readonly at: number
  readonly stack?: string
  readonly details?: unknown
  /** The flight recorders at that moment, and the entries written to each. */
  readonly rings: Int32Array
  readonly written: readonly number[]
  readonly cells: readonly Cell[]
  /** Nothing can go on after this one: setup or the import failed. */
  readonly fatal: boolean
  /** Of the deterministic scheduler: what makes it happen again, and what happens then. */
  readonly schedule?: string
  readonly interleaving?: Interleaving
}

/** From thread 0: there are no further rounds. */
export interface FinishedMessage {
  readonly type: 'finished'
  readonly exploration?: Exploration
  /** Why what was explored proves nothing. */
  readonly inconclusive?: string
  /** What was not seen, a sentence each. */
  readonly unseen?: readonly string[]
}

export type FromThread =
  | ReadyMessage
  | SlotMessage
  | FailureMessage
  | FinishedMessage
  | { readonly type: 'concluded'; readonly reason?: string }
