/**
 * Threads that repeat themselves, and what rouses them: the scheduler lets them go only when nobody else can, until a
 * cell that they look at changes. That a thread does is recognised elsewhere: see `SpinWindow`.
 */
import { ACTOR, type Board, HEAD, lowest, MOST_WATCHED, STEP } from './board.ts'
import { DID, OP } from './ops.ts'
import { lookOf } from './spin.ts'

export class Spinners {
  readonly #board: Board
  readonly #head: Int32Array

  constructor(board: Board) {
    this.#board = board
    this.#head = board.head
  }

  /** What spinning threads wait for has happened: they may look again. */
  rouse(step: number): void {
    const board = this.#board
    for (let mask = this.#head[HEAD.spinning]; mask !== 0; mask &= mask - 1) {
      const spinner = lowest(mask)
      for (let i = board.of(spinner, ACTOR.watching) - 1; i >= 0; i--) {
        if (!this.#rouses(step, board.of(spinner, ACTOR.watched + i))) continue
        this.goOn(spinner)
        board.set(spinner, ACTOR.enabler, step)
        break
      }
    }
  }

  /** Whether a step is what another actor's earlier one looked for in vain: a change, or a sleeper for `notify`. */
  #rouses(step: number, look: number): boolean {
    const board = this.#board
    const by = board.actorAt(step)
    const looker = board.actorAt(look)
    if (by === looker) return false
    // A thread has seen its own store from the beginning.
    if (this.#head[HEAD.fullWaits] === 1 && by === looker + this.#board.threads) return false
    const wanted = board.kindAt(look) === OP.notify ? DID.sleep : DID.change
    if ((board.didAt(step) & wanted) === 0) return false
    const [at, seen] = [board.at(step, STEP.address), board.at(look, STEP.address)]
    return at < seen + board.bytesAt(look) && seen < at + board.bytesAt(step)
  }

  /**
   * The thread repeats itself: it goes only when nobody else can, until a cell that it has looked at changes. If one has
   * since, it goes on at once: how the last round of the loop and that change came one after the other does not matter.
   * Call it after `arrive`.
   * @param watched what it looks for, of `lookOf`
   */
  spin(actor: number, watched: readonly number[]): void {
    const board = this.#board
    const bit = 1 << actor
    this.#head[HEAD.spun] = 1
    if ((this.#head[HEAD.spinning] & bit) !== 0 || watched.length > MOST_WATCHED) return
    const looks = this.#lastLooks(actor, watched)
    for (let step = Math.min(...looks) + 1; step < board.steps; step++) {
      if (!looks.some(look => look < step && this.#rouses(step, look))) continue
      board.set(actor, ACTOR.enabler, step)
      return
    }
    board.set(actor, ACTOR.watching, looks.length)
    for (const [i, look] of looks.entries()) board.set(actor, ACTOR.watched + i, look)
    this.#head[HEAD.spinning] |= bit
  }

  /** The steps in which the thread last looked at its cells. */
  #lastLooks(actor: number, watched: readonly number[]): number[] {
    const board = this.#board
    const missing = new Set(watched)
    const looks: number[] = []
    for (let step = board.steps - 1; step >= 0 && missing.size > 0; step--) {
      if (board.actorAt(step) !== actor || board.kindAt(step) === OP.wake) continue
      const look = lookOf(board.kindAt(step), board.at(step, STEP.address), board.bytesAt(step))
      if (missing.delete(look)) looks.push(step)
    }
    return looks
  }

  /** It no longer does. */
  goOn(actor: number): void {
    this.#head[HEAD.spinning] &= ~(1 << actor)
  }
}
