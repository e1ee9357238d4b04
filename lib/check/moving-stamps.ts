/**
 * DATA oracle for memory that moves: a page is known by a number of its own, wherever in the address space it lies. Each
 * thread has its own word in it and remembers what it wrote. However often the page was moved meanwhile, and at whatever
 * address it is found, it holds just that, or zero if it was dropped. Every number has addresses of its own, so that at
 * none of them another page is found.
 *
 * Who drops a page says so in a log that all threads share, before and after:
 *
 * - no drop has begun since before the last access, and none was under way then: the word must be what it was;
 * - one that began after the last access has ended before this one, and is known to have hit: the word must be zero;
 * - otherwise either will do.
 */

import type { Task } from '../mm/task.ts'
import { struct } from '../shm/layout.ts'
import { violated } from './oracle.ts'

/** What is known of one page. */
const DROPS = struct('drops', {
  begun: 'drops that have begun',
  ended: 'drops that have ended',
  latest: 'number of the latest ended drop that hit for certain, counted as begun',
})
const WORDS = 3

/** Cells for so many pages, shared by all threads. */
export function dropLog(pages: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * WORDS * pages))
}

/** Says that a page is about to be dropped; returns the number of the drop. */
export function dropBegins(w: Int32Array, page: number): number {
  return Atomics.add(w, page * WORDS + DROPS.begun, 1) + 1
}

/** Says that it has been dropped, or with `hit` false that nobody knows. Drops of one page that hit never overlap. */
export function dropEnds(w: Int32Array, page: number, drop: number, hit: boolean): void {
  if (hit) Atomics.store(w, page * WORDS + DROPS.latest, drop)
  Atomics.add(w, page * WORDS + DROPS.ended, 1)
}

/** A stamp says which page it was written to. */
const PAGE_BITS = 12
const NUMBERS = 0x3ffff

/** One thread's memory of its words. */
export class MovingStamps {
  readonly #task: Task
  readonly #w: Int32Array
  readonly #word: number
  readonly #values: Int32Array
  /** Drops begun before the last access, if none of them was under way then; else -1. */
  readonly #settled: Int32Array
  /** Drops begun by the end of the last access. */
  readonly #begun: Int32Array
  #next = 0

  /** @param pages how many numbers there are, 4096 at most */
  constructor(task: Task, words: Int32Array, pages: number) {
    if (pages > 1 << PAGE_BITS) throw new RangeError(`${pages} pages: stamps name ${1 << PAGE_BITS}`)
    this.#task = task
    this.#w = words
    this.#word = task.k.cpu.id
    this.#values = new Int32Array(pages)
    this.#settled = new Int32Array(pages)
    this.#begun = new Int32Array(pages)
  }

  /** Reads the page's word at one of its addresses, checks it, and with `write` writes a new one. Returns the FAULT_ code. */
  touch(vpn: number, page: number, write: boolean): number {
    const words = this.#w
    const at = page * WORDS
    const begunBefore = Atomics.load(words, at + DROPS.begun)
    const endedBefore = Atomics.load(words, at + DROPS.ended)
    const latest = Atomics.load(words, at + DROPS.latest)
    const data = this.#task.access(vpn, write)
    if (data < 0) return -data
    const seen = Atomics.load(this.#task.k.w, data + this.#word)
    const value = write ? this.#write(data, page) : seen
    this.#task.accessed(vpn)
    const begunAfter = Atomics.load(words, at + DROPS.begun)
    const expected = this.#values[page]
    if (seen !== expected && (seen !== 0 || begunAfter === this.#settled[page]))
      this.#wrong(vpn, page, seen, 'was never dropped')
    if (seen !== 0 && latest > this.#begun[page]) this.#wrong(vpn, page, seen, 'was dropped since')
    this.#values[page] = value
    this.#settled[page] = begunBefore === endedBefore ? begunBefore : -1
    this.#begun[page] = begunAfter
    return 0
  }

  /** As `touch` of a number that several pages may have: the word must have been written to one of them, or be zero. */
  touchAny(vpn: number, page: number, write: boolean): number {
    const data = this.#task.access(vpn, write)
    if (data < 0) return -data
    const seen = Atomics.load(this.#task.k.w, data + this.#word)
    if (write) this.#write(data, page)
    this.#task.accessed(vpn)
    if (seen !== 0 && pageOf(seen) !== page) this.#wrong(vpn, page, seen, 'is another')
    return 0
  }

  #write(data: number, page: number): number {
    this.#next = (this.#next + 1) & NUMBERS || 1
    const stamp = (this.#next << PAGE_BITS) | page
    Atomics.store(this.#task.k.w, data + this.#word, stamp)
    return stamp
  }

  #wrong(vpn: number, page: number, seen: number, why: string): never {
    const value = this.#values[page]
    violated(
      'DATA',
      `page ${page}, at ${vpn} of mm ${this.#task.home}: cpu ${this.#word} wrote ${value >>> PAGE_BITS} to it, the page ${why}, ` +
        `and now it holds ${seen === 0 ? 'nothing' : `${seen >>> PAGE_BITS}, written to page ${pageOf(seen)}`}`,
    )
  }
}

function pageOf(stamp: number): number {
  return stamp & ((1 << PAGE_BITS) - 1)
}
