/**
 * The uniform random walk (Zhao, Wolff, Mathur, Roychoudhury: "Selectively Uniform Concurrency Testing", ASPLOS 2025).
 *
 * A random walk prefers interleavings in which the short threads are through early. If each thread is chosen with a
 * probability proportional to the number of events that it still has before it, all interleavings are equally likely.
 *
 * Where it differs from the paper: how many events a thread has is not counted in a profiling run but learnt on the way,
 * as the most that it had in an earlier execution. An event is a step at which a thread can be switched, so the selective
 * variant needs nothing but the focus, which says which steps those are.
 *
 * Invariants: an actor that can go has a weight of at least 1; `choose` draws exactly once.
 */
import { type Board, HEAD, isSingle, lowest, MOST_ACTORS, STEP } from '../board.ts'
import type { Focus } from '../focus.ts'
import { DID, OP } from '../ops.ts'
import type { Strategy } from '../strategy.ts'

/** Words of the scratch, one for each actor: its events in an execution at most, and those of this one so far. */
const EXPECTED = 0
const DONE = MOST_ACTORS + 1

export class Urw implements Strategy {
  readonly name = 'urw'
  readonly #words: Int32Array
  readonly #focus: Focus | undefined

  /**
   * @param scratch the same memory in all threads
   * @param focus   that of the scheduler; left out: all steps count
   */
  constructor(scratch: Int32Array, focus?: Focus) {
    this.#words = scratch
    this.#focus = focus
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

  end(board: Board): void {
    const words = this.#words
    for (let step = 0; step < board.steps; step++) if (this.#wasAlone(board, step)) words[DONE + board.actorAt(step)]++
    for (let actor = 0; actor < MOST_ACTORS; actor++)
      words[EXPECTED + actor] = Math.max(words[EXPECTED + actor], words[DONE + actor])
  }

  /** An event that needed no choice, because nobody else could go. */
  #wasAlone(board: Board, step: number): boolean {
    if ((board.didAt(step) & DID.chosen) !== 0 || !isSingle(board.at(step, STEP.enabled))) return false
    if (this.#focus === undefined || board.head[HEAD.focused] === 0) return true
    const kind = board.kindAt(step)
    return kind < OP.load || kind > OP.compareExchange || this.#focus.has(board.at(step, STEP.address))
  }
}
