/**
 * DATA oracle: each thread writes its own word of a page and remembers what it wrote. What it reads later must be that,
 * or zero if the page was dropped in between. How sure it may be follows from counts of the drops that began and ended:
 *
 * - none has begun since before the last access: the word must be what it was;
 * - one that began after the last access has ended before this one: the word must be zero;
 * - otherwise a drop overlapped: either will do.
 */
import { PAGE_LOG } from '../mm/layout.ts'
import type { Task } from '../mm/task.ts'
import { violated } from './oracle.ts'

/** One thread's memory of its words in one private address space. */
export class Stamps {
  readonly #task: Task
  readonly #word: number
  readonly #values: Int32Array
  /** Drops begun before the last access, if none of them was under way then; else -1. */
  readonly #settled: Int32Array
  /** Drops begun by the end of the last access. */
  readonly #begun: Int32Array
  #next = 0

  constructor(task: Task, pages: number) {
    this.#task = task
    this.#word = task.k.cpu.id
    this.#values = new Int32Array(pages)
    this.#settled = new Int32Array(pages)
    this.#begun = new Int32Array(pages)
  }

  /** Reads the page's word, checks it, and with `write` writes a new one. Returns the FAULT_ code. */
  touch(vpn: number, write: boolean): number {
    const task = this.#task
    const w = task.k.w
    const log = task.mm.log(vpn, 0)
    const begunBefore = Atomics.load(w, log + PAGE_LOG.zap_begun)
    const endedBefore = Atomics.load(w, log + PAGE_LOG.zap_ended)
    const data = task.access(vpn, write)
    if (data < 0) return -data
    const seen = Atomics.load(w, data + this.#word)
    let value = seen
    if (write) {
      this.#next = (this.#next + 1) & 0x3fffffff || 1
      value = this.#next
      Atomics.store(w, data + this.#word, value)
    }
    task.accessed(vpn)
    const begunAfter = Atomics.load(w, log + PAGE_LOG.zap_begun)
    this.#judge(vpn, seen, begunAfter, endedBefore)
    this.#values[vpn] = value
    this.#settled[vpn] = begunBefore === endedBefore ? begunBefore : -1
    this.#begun[vpn] = begunAfter
    return 0
  }

  #judge(vpn: number, seen: number, begunNow: number, endedBefore: number): void {
    const expected = this.#values[vpn]
    if (seen !== expected && (seen !== 0 || begunNow === this.#settled[vpn]))
      this.#wrong(vpn, seen, 'was never dropped')
    if (seen !== 0 && endedBefore > this.#begun[vpn]) this.#wrong(vpn, seen, 'was dropped since')
  }

  #wrong(vpn: number, seen: number, why: string): never {
    const { mm, k } = this.#task
    violated(
      'DATA',
      `page ${vpn} of mm ${mm.tag - 1}: cpu ${k.cpu.id} wrote ${this.#values[vpn]}, the page ${why}, and now it holds ${seen}`,
    )
  }
}

/** One thread's memory of its words in a shared object: nothing is ever dropped. */
export class SharedStamps {
  readonly #task: Task
  readonly #word: number
  readonly #values: Int32Array
  #next = 0

  constructor(task: Task, pages: number) {
    this.#task = task
    this.#word = task.k.cpu.id
    this.#values = new Int32Array(pages)
  }

  /** As `Stamps.touch`, for page `page` of the object, which is mapped at `vpn`. */
  touch(vpn: number, page: number, write: boolean): number {
    const task = this.#task
    const w = task.k.w
    const data = task.access(vpn, write)
    if (data < 0) return -data
    const seen = Atomics.load(w, data + this.#word)
    const expected = this.#values[page]
    if (write) {
      this.#next = (this.#next + 1) & 0x3fffffff || 1
      Atomics.store(w, data + this.#word, this.#next)
      this.#values[page] = this.#next
    }
    task.accessed(vpn)
    if (seen !== expected)
      violated('DATA', `shared page ${page}: cpu ${task.k.cpu.id} wrote ${expected}, and now it holds ${seen}`)
    return 0
  }
}
