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

/** Where a thread's stamps come from. */
export interface Numbers {
  /** The stamp of the next write, to page `vpn`; never 0. */
  next(vpn: number): number
  /** The oracle that is broken when a page holds this stamp and ought not to. */
  oracleOf(stamp: number): string
}

/** Counts. */
class Counter implements Numbers {
  #next = 0

  next(): number {
    this.#next = (this.#next + 1) & 0x3fffffff || 1
    return this.#next
  }

  oracleOf(): string {
    return 'DATA'
  }
}

/** One thread's memory of its words in one private address space. */
export class Stamps {
  readonly lasting: boolean = false
  readonly #task: Task
  readonly #word: number
  readonly #values: Int32Array
  /** Drops begun before the last access, if none of them was under way then; else -1. */
  readonly #settled: Int32Array
  /** Drops begun by the end of the last access. */
  readonly #begun: Int32Array
  readonly #numbers: Numbers

  constructor(task: Task, pages: number, numbers: Numbers = new Counter()) {
    this.#numbers = numbers
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
      value = this.#numbers.next(vpn)
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

  /** Reads the page's word and takes it for granted. Returns the FAULT_ code. */
  discover(vpn: number): number {
    const task = this.#task
    const w = task.k.w
    const log = task.mm.log(vpn, 0)
    const begunBefore = Atomics.load(w, log + PAGE_LOG.zap_begun)
    const endedBefore = Atomics.load(w, log + PAGE_LOG.zap_ended)
    const data = task.access(vpn, false)
    if (data < 0) return -data
    this.#values[vpn] = Atomics.load(w, data + this.#word)
    task.accessed(vpn)
    this.#settled[vpn] = begunBefore === endedBefore ? begunBefore : -1
    this.#begun[vpn] = Atomics.load(w, log + PAGE_LOG.zap_begun)
    return 0
  }

  /** What the page's word held when it was last accessed. */
  expected(vpn: number): number {
    return this.#values[vpn]
  }

  /** vm_pgoff of the page, as long as nothing was moved: private memory only. */
  index(vpn: number): number {
    return vpn
  }

  /** The value for a write that is not made through the page tables: `wrote` follows. */
  next(vpn: number): number {
    return this.#numbers.next(vpn)
  }

  /**
   * The page was written to by another way. Before it was looked for, `settled` drops had begun, and ended all; -1: some
   * were under way, so it may have been dropped already when it was written to.
   */
  wrote(vpn: number, value: number, settled: number): void {
    this.#values[vpn] = value
    this.#settled[vpn] = settled
    this.#begun[vpn] = Atomics.load(this.#task.k.w, this.#task.mm.log(vpn, PAGE_LOG.zap_begun))
  }

  /** Forgets everything: the address space is another one now. */
  reset(): void {
    this.#values.fill(0)
    this.#settled.fill(0)
    this.#begun.fill(0)
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
      this.#numbers.oracleOf(seen),
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
