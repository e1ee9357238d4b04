/**
 * The queues of the threads that wait on cells: one table in shared memory for all of them, since few wait at a time.
 * A thread has at most one synchronous wait and several asynchronous ones.
 */
import type { Board } from './board.ts'

/** Words of an entry. */
const WAIT = { thread: 0, address: 1, ticket: 2, state: 3, timed: 4 } as const
const WAIT_WORDS = 8
/** Waits that are not over, of all threads. */
export const MOST_WAITS = 256

export const WAITING = { free: 0, queued: 1, notified: 2 } as const

export class Waits {
  readonly #w: Int32Array
  /** Entries that were ever used lie below. */
  static readonly #high = 0
  static readonly #tickets = 1
  static readonly #first = 8

  constructor(scratch: Int32Array) {
    this.#w = scratch
  }

  reset(): void {
    const w = this.#w
    for (let n = 0; n < w[Waits.#high]; n++) w[this.#at(n) + WAIT.state] = WAITING.free
    w[Waits.#high] = 0
    w[Waits.#tickets] = 0
  }

  /** Joins the queue of a cell; returns the number of the entry. */
  enqueue(thread: number, address: number, timed: boolean): number {
    const w = this.#w
    let n = 0
    while (n < w[Waits.#high] && w[this.#at(n) + WAIT.state] !== WAITING.free) n++
    if (n >= MOST_WAITS) throw new RangeError(`more than ${MOST_WAITS} threads and promises wait`)
    if (n === w[Waits.#high]) w[Waits.#high]++
    const at = this.#at(n)
    w[at + WAIT.thread] = thread
    w[at + WAIT.address] = address
    w[at + WAIT.ticket] = ++w[Waits.#tickets]
    w[at + WAIT.state] = WAITING.queued
    w[at + WAIT.timed] = timed ? 1 : 0
    return n
  }

  /** Takes the first one out of the queue of a cell. Returns its entry, or -1. */
  notifyOne(address: number): number {
    const w = this.#w
    let first = -1
    for (let n = 0; n < w[Waits.#high]; n++) {
      const at = this.#at(n)
      if (w[at + WAIT.state] !== WAITING.queued || w[at + WAIT.address] !== address) continue
      if (first < 0 || w[at + WAIT.ticket] < w[this.#at(first) + WAIT.ticket]) first = n
    }
    if (first < 0) return -1
    w[this.#at(first) + WAIT.state] = WAITING.notified
    return first
  }

  threadOf(entry: number): number {
    return this.#w[this.#at(entry) + WAIT.thread]
  }

  /** How many `notifyOne` would find, up to `most`. */
  count(address: number, most: number): number {
    const w = this.#w
    let found = 0
    for (let n = 0; n < w[Waits.#high] && found < most; n++) {
      const at = this.#at(n)
      if (w[at + WAIT.state] === WAITING.queued && w[at + WAIT.address] === address) found++
    }
    return found
  }

  isNotified(entry: number): boolean {
    return this.#w[this.#at(entry) + WAIT.state] === WAITING.notified
  }

  /** The wait is over: its entry is free. */
  leave(entry: number): void {
    this.#w[this.#at(entry) + WAIT.state] = WAITING.free
  }

  /** The cell that a thread waits on, for reports; -1 if it does not. */
  awaitedBy(thread: number): number {
    const w = this.#w
    for (let n = 0; n < w[Waits.#high]; n++) {
      const at = this.#at(n)
      if (w[at + WAIT.thread] === thread && w[at + WAIT.state] === WAITING.queued) return w[at + WAIT.address]
    }
    return -1
  }

  #at(entry: number): number {
    return Waits.#first + WAIT_WORDS * entry
  }
}

/** The part of the board's scratch that the queues lie in. */
export const waitsOf = (board: Board): Waits => new Waits(board.scratch(15))
