/** Everything that one thread has in all rounds of a guest, and the contexts that it hands to the scenario. */

import { passSlow } from '../../../lib/shm/sites.ts'
import type { PlannedInstance } from '../../../results/schema.ts'
import type { OpenContext, Random, RunContext, Scenario, ThreadBody } from '../../scenario.ts'
import { type Control, endRound, MINE, threadBase, WORD } from '../control.ts'
import type { Histories } from '../history/history.ts'
import { noRecorder, type Recorder } from '../history/recorder.ts'
import { bodyOf, type Seat, seatsOf } from '../load.ts'
import { faultOf, type Reporter } from '../report/report.ts'
import { isThenable } from '../thenable.ts'
import type { Meeting } from './meeting.ts'
import { Grading, outcomesOf } from './outcomes.ts'
import type { Values } from './values.ts'

/** A context whose `local` is set once `open` has returned. */
export type Context = {
  -readonly [K in keyof RunContext<unknown, unknown, unknown>]: RunContext<unknown, unknown, unknown>[K]
}

export class Participant {
  readonly scenario: Scenario
  readonly instance: PlannedInstance
  readonly control: Control
  readonly reporter: Reporter
  readonly meeting: Meeting
  readonly values: Values
  /** Of a scenario that has a history. */
  readonly histories: Histories | undefined
  /** Where the scenario grades what its bodies return. */
  readonly grading: Grading | undefined
  readonly seats: readonly Seat[]
  readonly seat: Seat
  readonly body: ThreadBody<unknown, unknown, unknown>
  /** First word of this thread's part of the control block. */
  readonly mine: number
  /** Counts of the bodies, by name. */
  readonly counts: Readonly<Record<string, number>>
  /** The present round, for reports. */
  round = 0
  /** What `open` returned last. */
  local: unknown
  readonly #nearSite: number

  constructor(options: {
    scenario: Scenario
    instance: PlannedInstance
    control: Control
    reporter: Reporter
    meeting: Meeting
    values: Values
    histories: Histories | undefined
    thread: number
    nearSite: number
  }) {
    this.scenario = options.scenario
    this.instance = options.instance
    this.control = options.control
    this.reporter = options.reporter
    this.meeting = options.meeting
    this.values = options.values
    this.histories = options.histories
    this.seats = seatsOf(options.instance.threads)
    this.seat = this.seats[options.thread]
    const body = bodyOf(options.scenario, this.seat)
    this.body = options.histories === undefined ? body : endingItsCalls(body, options.histories.recorder)
    this.mine = threadBase(options.thread)
    this.counts = countsOf(options.instance)
    const outcomes = outcomesOf(options.scenario, options.instance)
    this.grading = outcomes && new Grading(outcomes, options.reporter, this.seats.length)
    this.#nearSite = options.nearSite
  }

  get first(): boolean {
    return this.seat.thread === 0
  }

  state(state: number): void {
    Atomics.store(this.control.words, this.mine + MINE.state, state)
  }

  /** The context of `run`, still without what `open` returns. */
  context(shared: unknown, random: Random, more: () => boolean): Context {
    return {
      shared,
      params: this.instance.params,
      index: this.seat.index,
      thread: this.seat.thread,
      threads: this.counts,
      random,
      local: undefined,
      more,
      fail: (message, details) => {
        const named = (details as { oracle?: unknown } | null | undefined)?.oracle
        const oracle = typeof named === 'string' ? named : 'fail'
        this.failed({ oracle, message: String(message), details, stack: new Error(String(message)).stack }, shared)
      },
      count: this.reporter.count,
      near: this.near,
      call: (this.histories?.recorder ?? noRecorder).call,
      ret: (this.histories?.recorder ?? noRecorder).ret,
    }
  }

  /** Fills in `local`. False if `open` threw, which has been reported. */
  open(context: Context): boolean {
    try {
      this.local = this.body.open?.(context as OpenContext<unknown, unknown>)
      context.local = this.local
      return true
    } catch (error) {
      this.failed(faultOf(error, 'exception'), context.shared)
      return false
    }
  }

  readonly near = (message: string): void => {
    passSlow(this.#nearSite, this.reporter.near(message), this.round)
  }

  /** Reports a failure of the present round; the guest stops unless it is to keep going. */
  failed(
    fault: { oracle: string; message: string; details?: unknown; stack?: string | undefined },
    shared: unknown,
    thread: string = this.seat.label,
    round: number = this.round,
  ): void {
    const { stack, ...rest } = fault
    this.reporter.fail({ ...rest, ...(stack === undefined ? {} : { stack }), thread, round, shared })
    if (this.instance.keepGoing) return
    const { words } = this.control
    Atomics.store(words, WORD.stop, 1)
    if (Atomics.load(words, WORD.inRound) === 1) endRound(this.control, Atomics.load(words, WORD.round))
  }
}

export const countsOf = (instance: PlannedInstance): Readonly<Record<string, number>> =>
  Object.fromEntries(instance.threads.map(({ name, count }) => [name, count]))

type Body = ThreadBody<unknown, unknown, unknown>

/** Who returns from the middle of a call has forgotten its `ret`: as a call that may have happened or not it hides much. */
function endingItsCalls(body: Body, { unended }: Recorder): Body {
  const ended = (value: unknown): unknown => {
    if (isThenable(value)) return value.then(ended)
    const operation = unended()
    if (operation !== undefined) throw new TypeError(`call('${operation}') has no ret(), and the body has returned`)
    return value
  }
  return Object.create(body, { run: { value: (context: Parameters<Body['run']>[0]) => ended(body.run(context)) } })
}
