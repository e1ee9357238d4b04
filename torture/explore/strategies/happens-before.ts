/**
 * Which steps of an execution happen before which: vector clocks (Mattern, 1989) over the dependence of steps, kept from
 * one execution to the next as far as their beginnings are the same. A step comes after the earlier ones of its actor,
 * after those that it depends on, after what its thread and that one's store buffer owe each other, and, if it went
 * because nobody else could, after everything.
 *
 * Invariant: the order is the same for all executions that differ only in the order of independent neighbours.
 */
import { type Board, MOST_ACTORS, STEP } from '../schedule/board.ts'
import { DID } from '../schedule/ops.ts'
import { Conflicts } from './conflicts.ts'
import { type Step, stepAt } from './steps.ts'
import { StoreOrder } from './store-order.ts'

const STRIDE = MOST_ACTORS + 1

export class HappensBefore {
  readonly #conflicts: Conflicts
  readonly #stores = new StoreOrder()
  readonly #steps: Step[] = []
  /** For each step and actor its last step that happens before or is the step itself, or -1. */
  #clocks = new Int32Array(STRIDE << 8)
  /** For each step the one before of the same actor, or -1. */
  readonly #previous: number[] = []
  readonly #last = new Int32Array(STRIDE).fill(-1)
  #actors = 0

  constructor(everyState: boolean) {
    this.#conflicts = new Conflicts(everyState)
  }

  get steps(): number {
    return this.#steps.length
  }

  at(step: number): Step {
    return this.#steps[step]
  }

  /** Whether the order of two steps, `before` the earlier one, is fixed. */
  isBefore(before: number, step: number): boolean {
    return this.#clocks[STRIDE * step + this.#steps[before].actor] >= before
  }

  /** Forgets all steps from this one on. */
  rewind(step: number): void {
    for (let at = this.steps - 1; at >= step; at--) this.#last[this.#steps[at].actor] = this.#previous[at]
    this.#steps.length = step
    this.#previous.length = step
    this.#conflicts.rewind(step)
    this.#stores.rewind(step)
  }

  /**
   * Takes in the next step of the trace.
   * @returns the earlier steps that it is in a reversible race with: of other actors, dependent, with nothing between
   * them in the order, and such that the later one could have gone without the earlier one
   */
  extend(board: Board): number[] {
    const number = this.steps
    const step = stepAt(board, number)
    const { actor } = step
    const clock = this.#open(number, actor)
    const races: number[] = []
    if ((board.at(number, STEP.enabled) & (1 << actor)) === 0) this.#joinAll(clock)
    else {
      const enabler = this.#enabler(board, step)
      const owed = this.#stores.before(step)
      const candidates = this.#conflicts.before(step)
      if (enabler >= 0) candidates.push(enabler)
      if (owed >= 0) candidates.push(owed)
      for (const before of candidates.sort((a, b) => b - a)) {
        if (this.#clocks[clock + this.#steps[before].actor] >= before) continue
        if (before !== enabler && before !== owed) races.push(before)
        this.#join(clock, before)
      }
    }
    this.#clocks[clock + actor] = number
    this.#steps.push(step)
    this.#conflicts.add(step)
    this.#stores.add(step, number)
    this.#last[actor] = number
    return races
  }

  /**
   * Actors that can go first when `to` is to come without `from`, which it races with: those whose first step, among the
   * steps between them that do not happen after `from`, and `to`, happens after none of these.
   */
  initials(from: number, to: number): number {
    const first: number[] = []
    let found = 0
    for (let step = from + 1; step <= to; step++) {
      const { actor } = this.#steps[step]
      if (first[actor] !== undefined || (step < to && this.isBefore(from, step))) continue
      const clock = STRIDE * step
      if (first.every((other, a) => this.#clocks[clock + a] < other)) found |= 1 << actor
      first[actor] = step
    }
    return found
  }

  /** Makes room for a step's clock, with what its actor knows. Returns where it is. */
  #open(step: number, actor: number): number {
    const clock = STRIDE * step
    if (clock + STRIDE > this.#clocks.length) {
      const larger = new Int32Array(2 * this.#clocks.length)
      larger.set(this.#clocks)
      this.#clocks = larger
    }
    this.#actors = Math.max(this.#actors, actor + 1)
    const previous = this.#last[actor]
    this.#previous.push(previous)
    if (previous < 0) this.#clocks.fill(-1, clock, clock + STRIDE)
    else this.#clocks.copyWithin(clock, STRIDE * previous, STRIDE * (previous + 1))
    return clock
  }

  #join(clock: number, step: number): void {
    const clocks = this.#clocks
    const other = STRIDE * step
    for (let a = 0; a < this.#actors; a++)
      if (clocks[other + a] > clocks[clock + a]) clocks[clock + a] = clocks[other + a]
  }

  #joinAll(clock: number): void {
    for (let a = 0; a < this.#actors; a++) if (this.#last[a] > this.#clocks[clock + a]) this.#join(clock, this.#last[a])
  }

  /** The one step without which this one would not have been possible; -1: there is none. */
  #enabler(board: Board, step: Step): number {
    if ((step.did & DID.awakened) === 0) return -1
    const rousers = new Set([board.at(this.steps, STEP.enabler)])
    for (const look of step.awaits) for (const rouser of this.#conflicts.enders(look, step.owner)) rousers.add(rouser)
    const [enabler, ...more] = rousers
    return more.length === 0 ? enabler : -1
  }
}
