/**
 * The uniform random walk (Zhao, Wolff, Mathur, Roychoudhury: "Selectively Uniform Concurrency Testing", ASPLOS 2025).
 *
 * A random walk prefers interleavings in which the short threads are through early. If each thread is chosen with a
 * probability proportional to the number of events that it still has before it, all interleavings are equally likely.
 *
 * Where it differs from the paper: how many events a thread has is not counted in a profiling run but learnt on the way,
 * as the mean over the earlier executions (the most would do no harm where all do the same, but a thread that has once
 * gone round its loop more often would always be in a hurry). An event is a step at which a thread can be switched, so the selective
 * variant needs nothing but the focus, which says which steps those are.
 *
 * Invariants: an actor that can go has a weight of at least 1; `choose` draws exactly once.
 */
import { type Board, HEAD, isSingle, lowest, MOST_ACTORS, STEP } from '../schedule/board.ts'
import { DID, OP } from '../schedule/ops.ts'
import type { Focus } from '../search/focus.ts'
import type { Strategy } from './strategy.ts'

/**
 * Words of the scratch: the number of executions, and for each actor the mean of its events in units of 1 / ONE, and
 * those of this execution so far.
 */
const EXECUTIONS = 0
const EXPECTED = 1
const DONE = EXPECTED + MOST_ACTORS
const ONE = 64
/** Executions that the mean is about, more or less: it follows a program that is switched at other cells than before. */
const MEMORY = 200

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
    return Math.max(ONE, this.#words[EXPECTED + actor] - ONE * this.#words[DONE + actor])
  }

  end(board: Board): void {
    const words = this.#words
    const fairAfter = board.head[HEAD.fairAfter]
    // Brought to its end by lot, because somebody starved: its length is nobody's.
    if (fairAfter > 0 && board.steps > fairAfter) return
    for (let step = 0; step < board.steps; step++) if (this.#wasAlone(board, step)) words[DONE + board.actorAt(step)]++
    const share = Math.min(++words[EXECUTIONS], MEMORY)
    for (let actor = 0; actor < MOST_ACTORS; actor++)
      words[EXPECTED + actor] += Math.round((ONE * words[DONE + actor] - words[EXPECTED + actor]) / share)
  }

  /** An event that needed no choice, because nobody else could go. */
  #wasAlone(board: Board, step: number): boolean {
    if ((board.didAt(step) & DID.chosen) !== 0 || !isSingle(board.at(step, STEP.enabled))) return false
    if (this.#focus === undefined || board.head[HEAD.focused] === 0) return true
    const kind = board.kindAt(step)
    return kind < OP.load || kind > OP.compareExchange || this.#focus.has(board.at(step, STEP.address))
  }
}
