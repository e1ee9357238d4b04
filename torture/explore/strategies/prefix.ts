/**
 * The beginning of an execution as a systematic search prescribes it: who goes at each of the first choices. Thread 0
 * writes it between executions; whoever has the baton reads it. Steps that leave no choice are not in it, so that long
 * executions with few choices have short prefixes.
 */
import { type Board, HEAD } from '../schedule/board.ts'

export class Prefix {
  /** Choices that it has room for. */
  readonly capacity: number
  readonly #words: Int32Array

  constructor(words: Int32Array) {
    this.#words = words
    this.capacity = words.length - 1
  }

  get length(): number {
    return this.#words[0]
  }

  set length(choices: number) {
    this.#words[0] = choices
  }

  /** Prescribes one choice, counted from 0, and no longer those that follow. */
  end(choice: number, actor: number): void {
    this.#words[1 + choice] = actor
    this.#words[0] = choice + 1
  }

  /** Notes what was chosen, for when this beginning is kept. */
  note(choice: number, actor: number): void {
    this.#words[1 + choice] = actor
  }

  /** Whether the present choice is prescribed. */
  covers(board: Board): boolean {
    return board.head[HEAD.choices] <= this.#words[0]
  }

  /** Who is to go now; -1: that actor cannot, so the execution is not the one that it was. */
  wanted(board: Board): number {
    const actor = this.#words[board.head[HEAD.choices]]
    return (board.eligible & (1 << actor)) !== 0 ? actor : -1
  }
}
