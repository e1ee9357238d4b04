/**
 * Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte: "A Randomized Scheduler with
 * Probabilistic Guarantees of Finding Bugs", ASPLOS 2010).
 *
 * The actors have distinct priorities in random order, all above `depth - 1` reserved ones. The highest one that can go
 * goes. At the i-th of `depth - 1` random moments the one that would go falls to the i-th reserved priority. A bug that
 * needs `depth` ordering constraints is found by one execution with a probability of at least 1 / (n · k^(depth-1)), n
 * being the number of actors and k that of the steps.
 *
 * Where it differs from the paper:
 * - k counts the steps at which the strategy is asked. A fall while nobody else could go takes effect at the next step
 *   at which somebody else could, so nothing is lost, and k is smaller.
 * - The fall happens before the step instead of after the one before it. A fall at the first step then only permutes the
 *   priorities, which are in random order anyway: with all surplus moments there, `depth` finds what a smaller one does,
 *   though with its own bound and not with the smaller one's.
 * - k is the largest number that was seen so far, so the first execution is a probe: without moments but the first step.
 * - Where the search knows better how many choices there will be (it has narrowed its focus), that is k.
 * - Store buffers are actors, with priorities like threads: among the threads alone the order is as random.
 *
 * Fairness: strict priorities starve whoever waits for a lower thread, but one that repeats itself is not eligible, and
 * goes on only when a cell that it reads has changed or nobody else can go.
 *
 * Invariants: no two actors ever have the same priority; nobody falls to a reserved priority that was given before; all
 * draws are made in `begin`, so an execution is a function of its seed, of k, and of what the threads do.
 */
import { type Board, ENDING, HEAD, lowest, MOST_ACTORS } from '../schedule/board.ts'
import type { Strategy } from './strategy.ts'

/** Words of the scratch: the largest k, a priority each for the actors, the moments. */
const LONGEST = 0
const PRIORITY = 1
const MOMENT = PRIORITY + MOST_ACTORS

export class Pct implements Strategy {
  readonly name = 'pct'
  readonly depth: number
  readonly #words: Int32Array

  /**
   * @param scratch the same memory in all threads
   * @param depth   ordering constraints of the bugs that it is meant for, from 1
   */
  constructor(scratch: Int32Array, depth: number) {
    this.#words = scratch
    this.depth = depth
  }

  /** The k of the next execution: the most choices of an earlier one. */
  get longest(): number {
    return Math.max(1, this.#words[LONGEST])
  }

  begin(board: Board): boolean {
    const words = this.#words
    const { random } = board
    const actors = Math.min(2 * board.threads, MOST_ACTORS)
    for (let n = 0; n < actors; n++) {
      const other = random.below(n + 1)
      words[PRIORITY + n] = words[PRIORITY + other]
      words[PRIORITY + other] = this.depth + n
    }
    const longest = board.head[HEAD.expected] || this.longest
    for (let i = 1; i < this.depth; i++) words[MOMENT + i] = 1 + random.below(longest)
    return true
  }

  choose(board: Board): number {
    const words = this.#words
    const { eligible } = board
    const now = board.head[HEAD.choices]
    let highest = this.#highestOf(eligible)
    for (let i = 1; i < this.depth; i++) {
      if (words[MOMENT + i] !== now) continue
      words[PRIORITY + highest] = i
      highest = this.#highestOf(eligible)
    }
    return highest
  }

  #highestOf(mask: number): number {
    const words = this.#words
    let highest = lowest(mask)
    for (let rest = mask & (mask - 1); rest !== 0; rest &= rest - 1) {
      const actor = lowest(rest)
      if (words[PRIORITY + actor] > words[PRIORITY + highest]) highest = actor
    }
    return highest
  }

  end(board: Board): void {
    // Executions that were switched at few cells only say nothing about the others.
    if (isTypical(board)) this.#words[LONGEST] = Math.max(this.#words[LONGEST], board.head[HEAD.choices])
  }
}

/** Not one that was narrowed, given up, or brought to its end by lot because somebody starved: k would mean nothing. */
function isTypical({ head, steps }: Board): boolean {
  const starved = head[HEAD.fairAfter] > 0 && steps > head[HEAD.fairAfter]
  return head[HEAD.expected] === 0 && head[HEAD.ending] !== ENDING.cutOff && !starved
}
