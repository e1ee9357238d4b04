/**
 * How much of what is tried is still new: a search in which the last thousand executions brought nothing that had not
 * been there before has seen what its strategies are likely to show it.
 *
 * The figure errs on the side of "new". Once the set is full, classes that are not in it count as new each time; and
 * of long executions, which cost time, only some are looked at.
 */
import type { Board } from '../schedule/board.ts'
import { ClassHash } from './class-hash.ts'

/** Classes that are remembered. */
const MOST_CLASSES = 1 << 20
const FIRST_CLASSES = 1 << 12
/** Executions that the figure is about. */
const WINDOW = 1000
/**
 * With so many steps, one execution in two is looked at; with n times as many, one in n + 1. To hash a step takes about a
 * quarter of what it takes to do it.
 */
const SHORT_STEPS = 16
const MOST_PASSED_OVER = 32

export class Novelty {
  readonly #hash = new ClassHash()
  readonly #most: number
  /** Open addressing, two words an entry; none is 0. At most half full. */
  #set = new Int32Array(4 * FIRST_CLASSES)
  #size = 0
  readonly #recent = new Uint8Array(WINDOW)
  #fresh = 0
  #taken = 0
  #longest = 0
  #lot = 1

  /** @param most classes that are remembered */
  constructor(most = MOST_CLASSES) {
    this.#most = most
  }

  /** Different classes seen, as far as they were remembered. */
  get classes(): number {
    return this.#size
  }

  /** Takes in the execution just done. */
  add(board: Board): void {
    this.#longest = Math.max(this.#longest, board.steps)
    if (!this.#isLookedAt()) return
    this.#hash.take(board)
    const fresh = this.#isNew(this.#hash.high, this.#hash.low) ? 1 : 0
    const at = this.#taken++ % WINDOW
    this.#fresh += fresh - this.#recent[at]
    this.#recent[at] = fresh
  }

  /** Of the last thousand executions that were looked at; scaled up if there were fewer. */
  get perThousand(): number {
    return this.#taken === 0 ? 0 : Math.ceil((1000 * this.#fresh) / Math.min(this.#taken, WINDOW))
  }

  /** By lot, so that strategies which take turns are all looked at. */
  #isLookedAt(): boolean {
    const oneIn = Math.min(MOST_PASSED_OVER, 1 + Math.floor(this.#longest / SHORT_STEPS))
    if (oneIn === 1) return true
    this.#lot = (Math.imul(this.#lot, 1664525) + 1013904223) | 0
    return ((this.#lot >>> 16) * oneIn) >>> 16 === 0
  }

  #isNew(high: number, low: number): boolean {
    const key = high === 0 && low === 0 ? 1 : high
    const at = this.#find(this.#set, key, low)
    if (this.#set[at] !== 0 || this.#set[at + 1] !== 0) return false
    if (this.#size >= this.#most) return true
    this.#set[at] = key
    this.#set[at + 1] = low
    if (4 * ++this.#size > this.#set.length) this.#grow()
    return true
  }

  /** Where the entry is, or where it belongs. */
  #find(set: Int32Array, high: number, low: number): number {
    const mask = set.length - 1
    let at = (2 * low) & mask
    while ((set[at] !== 0 || set[at + 1] !== 0) && (set[at] !== high || set[at + 1] !== low)) at = (at + 2) & mask
    return at
  }

  #grow(): void {
    const old = this.#set
    const set = new Int32Array(2 * old.length)
    for (let at = 0; at < old.length; at += 2) {
      if (old[at] === 0 && old[at + 1] === 0) continue
      const to = this.#find(set, old[at], old[at + 1])
      set[to] = old[at]
      set[to + 1] = old[at + 1]
    }
    this.#set = set
  }
}
