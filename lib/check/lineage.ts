/**
 * SNAP oracle: what fork promises. A child holds what its parent held at one moment of the fork; it never sees what the
 * parent writes later, and the parent never sees what the child writes.
 *
 * Every thread numbers its writes, over all address spaces, and says which number it is at. Who forks notes the numbers
 * of all threads before and after. A thread that comes to the child knows of each page which of its numbers it wrote
 * there before the fork ended, and so what it may find in its own words: the last one before the fork began, or one
 * from during it. What it has found once must stay, as everywhere (see stamps.ts).
 */

import { PAGE_LOG } from '../mm/layout.ts'
import { LINEAGE, type MemoryImage, PROGRESS } from '../mm/memory.ts'
import type { Mm } from '../mm/mm.ts'
import type { Task } from '../mm/task.ts'
import { objectAt } from '../shm/arena.ts'
import { violated } from './oracle.ts'
import { type Numbers, Stamps } from './stamps.ts'

/** Writes that a thread remembers: of older ones it does not know the page, and takes them as they come. */
const REMEMBERED = 1 << 16
/** What a thread wrote to a page before is not known to it. */
const UNKNOWN = -1

/** One thread's writes, in all address spaces. */
export class Lineage implements Numbers {
  readonly #task: Task
  readonly #w: Int32Array
  readonly #image: MemoryImage
  readonly #pages: number
  readonly #cpu: number
  readonly #progress: number
  readonly #stamps: readonly Stamps[]
  /** By address space: which life of it the rest is about. */
  readonly #lives: Int32Array
  /** By address space and page: number of this thread's last write there, 0 for none, or UNKNOWN. */
  readonly #last: Int32Array
  /** By address space and page: whether the thread has seen its word there, or inherits it. */
  readonly #seen: Uint8Array
  /** Of each number: the one before it on the same page; the address space, its life and the page. */
  readonly #before = new Int32Array(REMEMBERED)
  readonly #where = new Int32Array(REMEMBERED)
  readonly #life = new Int32Array(REMEMBERED)
  #next = 0

  constructor(task: Task) {
    const { image } = task.k
    const { mms, pages } = image.options
    this.#task = task
    this.#w = task.k.w
    this.#image = image
    this.#pages = pages
    this.#cpu = task.k.cpu.id
    this.#progress = objectAt(image.progress, this.#cpu) + PROGRESS.number
    this.#next = Atomics.load(this.#w, this.#progress)
    this.#stamps = Array.from({ length: mms }, () => new Stamps(task, pages, this))
    this.#lives = new Int32Array(mms).fill(UNKNOWN)
    this.#last = new Int32Array(mms * pages).fill(UNKNOWN)
    this.#seen = new Uint8Array(mms * pages)
  }

  /** Forks the address space that the thread is in, and notes the numbers. -1: no memory. */
  fork(): number {
    const parent = this.#task.mm
    const before = this.#numbers()
    const id = this.#task.fork()
    if (id === -1) return -1
    const after = this.#numbers()
    const child = this.#task.k.mms[id]
    const record = objectAt(this.#image.lineage, id)
    const { cpus } = this.#image.options
    for (let cpu = 0; cpu < cpus; cpu++) {
      Atomics.store(this.#w, record + LINEAGE.life + 1 + cpu, before[cpu])
      Atomics.store(this.#w, record + LINEAGE.life + 1 + cpus + cpu, after[cpu])
    }
    this.#noteDrops(parent, id)
    Atomics.store(this.#w, record + LINEAGE.parent, parent.tag - 1)
    Atomics.store(this.#w, record + LINEAGE.parent_life, Atomics.load(this.#w, parent.life))
    // Last: whoever finds the child's life here finds the rest.
    Atomics.store(this.#w, record + LINEAGE.life, Atomics.load(this.#w, child.life), 'release')
    return id
  }

  #numbers(): number[] {
    return Array.from({ length: this.#image.options.cpus }, (_, cpu) =>
      Atomics.load(this.#w, objectAt(this.#image.progress, cpu) + PROGRESS.number),
    )
  }

  /** Pages that were dropped at any time before: the child may find zero there. */
  #noteDrops(parent: Mm, child: number): void {
    for (let vpn = 0; vpn < this.#pages; vpn++) {
      const inherited = Atomics.load(this.#w, this.#droppedAt(parent.tag - 1, vpn))
      const dropped = inherited !== 0 || Atomics.load(this.#w, parent.log(vpn, PAGE_LOG.zap_begun)) !== 0
      Atomics.store(this.#w, this.#droppedAt(child, vpn), dropped ? 1 : 0)
    }
  }

  #droppedAt(mm: number, vpn: number): number {
    return objectAt(this.#image.lineage, mm) + LINEAGE.life + 1 + 2 * this.#image.options.cpus + vpn
  }

  /** Prepares for the address space that the thread is in now. False: it was forked just now, come back later. */
  arrive(): boolean {
    const { mm } = this.#task
    const id = mm.tag - 1
    const life = Atomics.load(this.#w, mm.life)
    if (this.#lives[id] === life) return true
    if (life === 0) {
      // One of those that exist from the beginning: all its pages were zero.
      this.#last.fill(0, id * this.#pages, (id + 1) * this.#pages)
      this.#seen.fill(1, id * this.#pages, (id + 1) * this.#pages)
    } else {
      const record = objectAt(this.#image.lineage, id)
      if (Atomics.load(this.#w, record + LINEAGE.life, 'acquire') !== life) return false
      this.#inherit(
        id,
        Atomics.load(this.#w, record + LINEAGE.parent),
        Atomics.load(this.#w, record + LINEAGE.parent_life),
      )
    }
    this.#stamps[id].reset()
    this.#lives[id] = life
    return true
  }

  #inherit(id: number, parent: number, parentLife: number): void {
    const from = parent * this.#pages
    const to = id * this.#pages
    const known = this.#lives[parent] === parentLife
    for (let vpn = 0; vpn < this.#pages; vpn++)
      this.#last[to + vpn] = known && this.#seen[from + vpn] !== 0 ? this.#last[from + vpn] : UNKNOWN
    this.#seen.fill(0, to, to + this.#pages)
  }

  /** As `Stamps.touch`, in the address space that the thread is in. */
  touch(vpn: number, write: boolean): number {
    const id = this.#task.home
    const stamps = this.#stamps[id]
    if (this.#seen[id * this.#pages + vpn] === 0) {
      const code = stamps.discover(vpn)
      if (code !== 0) return code
      this.#judge(id, vpn, stamps.expected(vpn))
      // Zero may come from a drop, and then what a child inherited before that is not known.
      this.#last[id * this.#pages + vpn] = stamps.expected(vpn) || UNKNOWN
      this.#seen[id * this.#pages + vpn] = 1
    }
    return stamps.touch(vpn, write)
  }

  /** The number of the write that comes next, to page `vpn` of the address space that the thread is in. */
  next(vpn: number): number {
    this.#next = (this.#next + 1) & 0x3fffffff || 1
    const { mm } = this.#task
    const id = mm.tag - 1
    const at = this.#next & (REMEMBERED - 1)
    this.#before[at] = this.#last[id * this.#pages + vpn]
    this.#where[at] = id * this.#pages + vpn
    this.#life[at] = this.#lives[id]
    this.#last[id * this.#pages + vpn] = this.#next
    // Before the write itself: a number that nobody has announced was not written.
    Atomics.store(this.#w, this.#progress, this.#next)
    return this.#next
  }

  /** Which promise is broken when a page of `mm` holds this number and ought not to. */
  oracleOf(number: number): string {
    if (number === 0 || number > this.#next || number <= this.#next - REMEMBERED) return 'DATA'
    const at = number & (REMEMBERED - 1)
    const id = Math.floor(this.#where[at] / this.#pages)
    return id === this.#task.home && this.#life[at] === this.#lives[id] ? 'DATA' : 'SNAP'
  }

  #judge(id: number, vpn: number, found: number): void {
    const record = objectAt(this.#image.lineage, id) + LINEAGE.life + 1
    const begun = Atomics.load(this.#w, record + this.#cpu)
    const ended = Atomics.load(this.#w, record + this.#image.options.cpus + this.#cpu)
    const last = this.#last[id * this.#pages + vpn]
    if (found === 0) {
      const dropped = Atomics.load(this.#w, this.#droppedAt(id, vpn)) !== 0
      // Dropped in the child itself since the fork, or before; or never written; or nobody knows.
      if (dropped || last <= 0 || Atomics.load(this.#w, this.#task.mm.log(vpn, PAGE_LOG.zap_begun)) !== 0) return
    }
    if (found > ended) this.#wrong(id, vpn, found, `it wrote after the fork, which had ended at ${ended}`)
    if (last === UNKNOWN || last <= this.#next - REMEMBERED || begun <= this.#next - REMEMBERED) return
    // What was written after the fork is passed over; then anything goes back to the last write before it began, and
    // the one before that, since the announced number may not have been written yet.
    let number = last
    while (number > ended) number = this.#before[number & (REMEMBERED - 1)]
    for (; number >= begun && number > 0; number = this.#before[number & (REMEMBERED - 1)]) if (number === found) return
    if (number === UNKNOWN || number <= this.#next - REMEMBERED) return
    if (number !== found)
      this.#wrong(id, vpn, found, `was not the last one when the fork began at ${begun}: that was ${number}`)
  }

  #wrong(id: number, vpn: number, found: number, why: string): never {
    violated('SNAP', `page ${vpn} of mm ${id}, a child: cpu ${this.#cpu} finds ${found} there, which ${why}`)
  }
}
