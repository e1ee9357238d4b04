/**
 * The types of what a run writes: the plan, the summary, the guest's end record, a failure. They are derived from the
 * validators, which are not loaded by importing this file: the start of `torture run` does not pay for them.
 */
import type { InferOutput } from 'valibot'
import type * as validate from './validate.ts'

export { SCHEMA } from './version.ts'

/** What was written stays as it was. */
type Frozen<T> = T extends readonly (infer E)[]
  ? readonly Frozen<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T

/** One repetition of a scenario, resolved: a guest never asks the machine for a number. */
export type PlannedInstance = Frozen<InferOutput<typeof validate.plannedInstance>>
/** `plan.json`: all that a run is going to do, written before anything starts. */
export type Plan = Frozen<InferOutput<typeof validate.plan>>

/** `count` grows while the guest runs. */
export type Failure = Frozen<InferOutput<typeof validate.failure>> & { count: number }

/** `verdict.json`: the guest's positive end record, or the judge's where there is none. */
export type InstanceResult = Frozen<InferOutput<typeof validate.instanceResult>>
/** An instance in the summary: how it ended, what it did, and its failures with the folders of their evidence. */
export type RunInstance = Frozen<InferOutput<typeof validate.runInstance>>
/** `run.json`, and what `run` and `explore` return. */
export type RunSummary = Frozen<InferOutput<typeof validate.runSummary>>

/** One line of `stats.jsonl`: totals since the start. */
export type StatsLine = Frozen<InferOutput<typeof validate.statsLine>>

/** One line that a guest writes to its runner (file descriptor 3). */
export type GuestEvent = Frozen<InferOutput<typeof validate.guestEvent>>

/** `command.json`: run `command` by hand and the same guest starts, writing to a fresh folder. */
export type GuestCommand = Frozen<InferOutput<typeof validate.guestCommand>>

/** One line of `events.jsonl`. */
export type RunEvent = Frozen<InferOutput<typeof validate.runEvent>>

/** The outcomes of a litmus test: how often each occurred, with its grade and the reason for it. */
export type OutcomeTable = Frozen<InferOutput<typeof validate.outcomeTable>>
/** What a search did, and what that is worth. */
export type Exploration = Frozen<InferOutput<typeof validate.exploration>>
/** The search for a schedule that repeats a failure seen under stress. */
export type Bridge = Frozen<InferOutput<typeof validate.bridge>>
export type Trace = Frozen<InferOutput<typeof validate.trace>>
export type Interleaving = Frozen<InferOutput<typeof validate.interleaving>>
export type ExploreOptions = NonNullable<PlannedInstance['explore']>

/** Absence of success is no `pass`: see [results](results.md). */
export type Verdict = InstanceResult['verdict']
export type Jitter = PlannedInstance['jitter']
export type Mode = PlannedInstance['mode']
export type ParamValue = number | string | boolean
