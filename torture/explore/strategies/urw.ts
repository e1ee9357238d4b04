/**
 * The uniform random walk (Zhao, Wolff, Mathur, Roychoudhury: "Selectively Uniform Concurrency Testing", ASPLOS 2025).
 *
 * A random walk prefers interleavings in which the short threads are through early. If each thread is chosen with a
 * probability proportional to the number of events that it still has before it, all interleavings are equally likely.
 *
 * Where it differs from the paper: how many events a thread has is not counted in a profiling run but learnt on the way,
 * as the most that it had in an earlier execution; and an event is a step at which the strategy was asked. A thread that
 * finishes while others can go was asked about at each of its steps, so the largest number is that of all its steps.
 * The selective variant needs nothing here: which events count is what the focus decides.
 *
 * Invariants: an actor that can go has a weight of at least 1; `choose` draws exactly once.
 */
import { type Board, lowest, MOST_ACTORS } from '../board.ts'
import type { Strategy } from '../strategy.ts'

/** Words of the scratch, one for each actor: how often it was chosen at most, and in this execution. */
const EXPECTED = 0
const DONE = MOST_ACTORS + 1

export class Urw implements Strategy {
  readonly name = 'urw'
  readonly #words: Int32Array

  /** @param scratch the same memory in all threads */
  constructor(scratch: Int32Array) {
    this.#words = scratch
  }

  begin(): boolean {
    this.#words.fill(0, DONE, DONE + MOST_ACTORS)
    return true
  }

  choose(board: Board): number {
    const { eligible } = board
    let total = 0
    for (let rest = eligible; rest !== 0; rest &= rest - 1) total += this.#remaining(lowest(rest))
    let draw = board.random.below(total)
    let rest = eligible
    for (let weight = this.#remaining(lowest(rest)); draw >= weight; weight = this.#remaining(lowest(rest))) {
      draw -= weight
      rest &= rest - 1
    }
    const chosen = lowest(rest)
    this.#words[DONE + chosen]++
    return chosen
  }

  /** Events that the actor has presumably before it; the one that it is about to do is certain. */
  #remaining(actor: number): number {
    return Math.max(1, this.#words[EXPECTED + actor] - this.#words[DONE + actor])
  }

  end(): void {
    const words = this.#words
    for (let actor = 0; actor < MOST_ACTORS; actor++)
      words[EXPECTED + actor] = Math.max(words[EXPECTED + actor], words[DONE + actor])
  }
}
