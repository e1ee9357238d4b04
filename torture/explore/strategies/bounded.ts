/**
 * Iterative context bounding (Musuvathi and Qadeer, PLDI 2007): all schedules without a preemption, then all with at
 * most one, and so on. A switch away from an actor that could go on is a preemption; one away from an actor that sleeps,
 * spins or has returned, or has not begun, is free.
 *
 * Deviation: depth first and again for each bound, so that only one schedule has to be kept. The schedules of the bounds
 * before are done again, which are few compared with the new ones.
 *
 * Invariants: within a bound no schedule is done twice and none is left out. Never combined with sleep sets, which may
 * prune the only schedule of a class that has so few preemptions.
 */
import { ACTOR, type Board, ENDING, HEAD, lowest, STEP } from '../schedule/board.ts'
import { DID, OP } from '../schedule/ops.ts'
import { Prefix } from './prefix.ts'
import type { Strategy } from './strategy.ts'

interface Choice {
  /** The actor of the step before, if it could go on; -1: switching is free. */
  readonly last: number
  /** Preemptions before it. */
  readonly preemptions: number
  actor: number
  /** Actors not yet tried. */
  left: number
}

export class Bounded implements Strategy {
  readonly name = 'bounded'
  /** Preemptions that schedules have now at most. */
  bound = 0
  /** The largest bound within which all schedules were done; -1: none. */
  completed = -1
  /** The same choices did not lead to the same executions: something is not under control, and the search was given up. */
  diverged = false
  readonly #prefix: Prefix
  #path: Choice[] = []
  /** Whether a schedule with one more preemption is known to exist. */
  #more = false
  /** An execution was too long to try everything in it. */
  #truncated = false
  #over = false

  /** @param words a word for each choice that an execution may have, and one; left out: the scratch */
  constructor(scratch: Int32Array, words: Int32Array = scratch) {
    this.#prefix = new Prefix(words)
  }

  reset(): void {
    this.bound = 0
    this.completed = -1
    this.diverged = false
    this.#path = []
    this.#more = false
    this.#truncated = false
    this.#over = false
  }

  begin(): boolean {
    if (this.#over) return false
    const branch = this.#path.length - 1
    if (branch < 0) this.#prefix.length = 0
    else this.#prefix.end(branch, this.#path[branch].actor)
    return true
  }

  choose(board: Board): number {
    if (this.#prefix.covers(board)) return this.#prefix.wanted(board)
    const { eligible, last } = board
    return last >= 0 && (eligible & (1 << last)) !== 0 ? last : lowest(eligible)
  }

  end(board: Board): void {
    const known = this.#path.length
    if (board.head[HEAD.ending] === ENDING.misfit || board.head[HEAD.choices] < known) {
      this.diverged = true
      this.#over = true
      return
    }
    if (board.head[HEAD.ending] === ENDING.cutOff) this.#truncated = true
    this.#note(board, known)
    if (!this.#next()) this.#deepen()
  }

  /** Takes in the choices after the ones that are known. */
  #note(board: Board, known: number): void {
    let number = 0
    let preemptions = 0
    for (let step = 0; step < board.steps; step++) {
      if ((board.didAt(step) & DID.chosen) === 0) continue
      const actor = board.actorAt(step)
      const eligible = board.at(step, STEP.enabled)
      const last = canGoOn(board, step) ? board.actorAt(step - 1) : -1
      if (number >= this.#prefix.capacity) {
        this.#truncated = true
        return
      }
      if (number >= known) {
        this.#path.push({ last, preemptions, actor, left: eligible & ~(1 << actor) })
        this.#prefix.note(number, actor)
      }
      if (last >= 0 && last !== actor) preemptions++
      number++
    }
  }

  /** Goes to the next schedule within the bound. False: there is none. */
  #next(): boolean {
    for (; this.#path.length > 0; this.#path.pop()) {
      const choice = this.#path.at(-1)!
      if (choice.left === 0) continue
      // The actor that could go on was tried first, so that all others are preemptions.
      if (choice.last >= 0 && choice.preemptions >= this.bound) {
        this.#more = true
        continue
      }
      choice.actor = lowest(choice.left)
      choice.left &= choice.left - 1
      return true
    }
    return false
  }

  #deepen(): void {
    if (!this.#truncated) this.completed = this.bound
    if (this.#more) this.bound++
    else this.#over = true
    this.#more = false
  }
}

/** Whether the actor of the step before could have gone on with what it had begun. */
function canGoOn(board: Board, step: number): boolean {
  const last = step > 0 ? board.actorAt(step - 1) : -1
  if (last < 0 || (board.at(step, STEP.enabled) & (1 << last)) === 0) return false
  let next = step
  while (next < board.steps && board.actorAt(next) !== last) next++
  return (next < board.steps ? board.kindAt(next) : board.of(last, ACTOR.kind)) !== OP.gate
}
