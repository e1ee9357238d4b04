/**
 * Executions of a weaker memory model in which one reordering is made to matter. Delayed stores are held back: they
 * reach memory when their thread is switched away from, as many of the oldest as a coin says, or when nobody else can
 * go. At a random moment of all those at which something may happen out of its order, it does; a store that overtakes
 * others is seen at once, and its thread goes on only when no other can, so that the others run into what is not yet
 * there.
 *
 * The other way, which takes turns with this one by execution, is that a store buffer is an actor like any thread, and
 * that lots are drawn each time. Then nearly everything happens out of order, but hardly ever is what one thread has
 * left behind let alone for as long as it takes another one to notice. To draw the few communications that matter rather
 * than all delays is the thought of PCTWM (Gao, Chakraborty, Kulahcioglu Ozkan, ASPLOS 2023).
 */
import { type Board, HEAD, lowest, nthOf, sizeOf } from '../schedule/board.ts'

/** Of what a thread has delayed, another store reaches memory once in so many times; and so a store overtakes another. */
const FURTHER_ONE_IN = 2

export class Reordering {
  readonly #board: Board
  readonly #head: Int32Array

  constructor(board: Board) {
    this.#board = board
    this.#head = board.head
  }

  /** Before an execution. */
  begin(): void {
    const head = this.#head
    head[HEAD.held] = 0
    head[HEAD.stalled] = 0
    head[HEAD.exposing] = 0
    head[HEAD.after] = -1
    head[HEAD.mostAsides] = Math.max(head[HEAD.mostAsides], head[HEAD.asides])
    head[HEAD.asides] = 0
    head[HEAD.moment] = this.active ? 1 + this.#board.random.below(Math.max(1, head[HEAD.mostAsides])) : 0
  }

  get active(): boolean {
    return this.#head[HEAD.holdsBack] === 1
  }

  /** Whether what could happen out of its order does. @param again whether the same store has overtaken another already */
  isMoment(again: boolean): boolean {
    if (again) return this.#board.random.below(FURTHER_ONE_IN) === 0
    return ++this.#head[HEAD.asides] === this.#head[HEAD.moment]
  }

  /** The thread's store that has overtaken others is to be seen: it is the `count`-th of those that it has delayed. */
  expose(thread: number, count: number): void {
    const head = this.#head
    if (!this.active) return
    head[HEAD.stalled] = 1 << thread
    head[HEAD.exposing] = count
  }

  /** The buffer of a thread has something in it, or nothing any more. @param actor of the buffer */
  offer(actor: number, filled: boolean): void {
    const word = this.active ? HEAD.held : HEAD.enabled
    if (filled) this.#head[word] |= 1 << actor
    else this.#head[word] &= ~(1 << actor)
  }

  /** Who goes without anybody being asked: a buffer, or who was to go before one went; -1: nobody. */
  next(): number {
    const head = this.#head
    if (head[HEAD.exposing] > 0) {
      head[HEAD.exposing]--
      const buffer = lowest(head[HEAD.stalled]) + this.#board.threads
      if ((head[HEAD.held] & (1 << buffer)) !== 0) return buffer
      head[HEAD.exposing] = 0
    }
    const chosen = head[HEAD.after]
    head[HEAD.after] = -1
    return chosen < 0 ? -1 : this.before(chosen)
  }

  /** Who goes first when `chosen` is to go: that one, or a buffer. */
  before(chosen: number): number {
    const head = this.#head
    const { last, threads } = this.#board
    if (last < 0 || chosen === last || chosen >= threads) return chosen
    const thread = last < threads ? last : last - threads
    const buffer = thread + threads
    const rests = (head[HEAD.held] & (1 << buffer)) === 0 || (head[HEAD.stalled] & (1 << thread)) !== 0
    if (rests || this.#board.random.below(FURTHER_ONE_IN) !== 0) return chosen
    head[HEAD.after] = chosen
    return buffer
  }

  /** Nobody else can go: a thread that was held up, or a buffer. Eligible threads; 0: there are none. */
  release(): number {
    const head = this.#head
    const stalled = head[HEAD.stalled] & head[HEAD.enabled] & ~head[HEAD.spinning]
    head[HEAD.stalled] = 0
    if (stalled !== 0 || head[HEAD.held] === 0) return stalled
    return 1 << nthOf(head[HEAD.held], this.#board.random.below(sizeOf(head[HEAD.held])))
  }
}
