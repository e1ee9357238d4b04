/**
 * The mmu_gather: collects what an operation took out of the page tables, makes every CPU forget it, and only then
 * lets the frames go. Clearing an entry, flushing the TLBs and freeing the frame are three steps, with room between
 * them for everything that goes wrong in real kernels.
 */
import { bug, pass, passSlow, site } from '../shm/sites.ts'
import type { Kernel, Mm } from './kernel.ts'
import { PAGE_LOG } from './layout.ts'
import { freeTable } from './page-table.ts'
import { ALL_PAGES, shootdown } from './shootdown.ts'

const FREE_BEFORE_FLUSH = bug('free-before-flush')
const IGNORE_NESTED_FLUSH = bug('tlb-flush-nested-ignored')
const FLUSH = site('gather/flush')
const NESTED = site('gather/nested')

/** Frames collected before a flush is forced. */
const GATHER_FRAMES = 256

export class Gather {
  readonly #k: Kernel
  readonly #frames = new Int32Array(GATHER_FRAMES)
  readonly #tables: number[] = []
  readonly #further: (readonly [number, number])[] = []
  readonly #freeTable: (table: number) => void
  #mm: Mm
  #count = 0
  #cleared = false
  #drops = false
  #start = 0
  #end = 0
  #time = 0

  constructor(k: Kernel) {
    this.#k = k
    this.#mm = k.mms[0]
    this.#freeTable = table => {
      k.tableFreed()
      freeTable(k, table)
    }
  }

  /**
   * Begins an operation that revokes translations of [start, end): all of them and the pages' contents with `drops`,
   * else those that may write. Comes before the first entry is cleared: whoever then finds an entry gone also finds that
   * a flush is pending.
   */
  begin(mm: Mm, start: number, end: number, drops: boolean): void {
    const w = this.#k.w
    this.#mm = mm
    this.#start = start
    this.#end = end
    this.#drops = drops
    this.#cleared = false
    Atomics.add(w, mm.flushPending, 1)
    this.#time = (Atomics.add(w, mm.gen, 1) + 1) | 0
    if (drops) for (let vpn = start; vpn < end; vpn++) Atomics.add(w, mm.log(vpn, PAGE_LOG.zap_begun), 1)
  }

  /** An entry was cleared or lost rights. */
  addChange(): void {
    this.#cleared = true
  }

  /** Takes over the reference of a frame whose entry was cleared. True when the gather is full: flush soon. */
  addFrame(frame: number): boolean {
    this.#cleared = true
    this.#frames[this.#count++] = frame
    return this.#count === GATHER_FRAMES
  }

  addTable(table: number): void {
    this.#cleared = true
    this.#tables.push(table)
  }

  /** Flushes only: for dirty shared pages, before the page table lock is released and the page can be cleaned. */
  flushTlb(): void {
    const known = this.#start < this.#end && this.#further.length === 0
    shootdown(this.#k, this.#mm, known ? this.#start : 0, known ? this.#end : ALL_PAGES)
  }

  /** Flushes, then frees. */
  flush(): void {
    passSlow(FLUSH, this.#mm.tag, this.#count)
    if (FREE_BEFORE_FLUSH) {
      this.#freeFrames()
      this.flushTlb()
    } else {
      this.flushTlb()
      this.#freeFrames()
    }
    for (const table of this.#tables) this.#k.retireTable(this.#freeTable, table)
    this.#tables.length = 0
  }

  #freeFrames(): void {
    for (let n = 0; n < this.#count; n++) this.#k.frames.put(this.#frames[n])
    this.#count = 0
  }

  /** Ends the operation: afterwards no CPU uses what it revoked. */
  finish(): void {
    const w = this.#k.w
    const mm = this.#mm
    if (this.#cleared) this.flush()
    else if (Atomics.load(w, mm.flushPending) > 1) {
      // Entries of our range that we found empty may have been cleared by somebody who has not flushed them yet.
      // Returning now would promise what is not true.
      pass(NESTED, this.#start, this.#end)
      if (!IGNORE_NESTED_FLUSH) this.flushTlb()
    }
    Atomics.sub(w, mm.flushPending, 1)
    this.#promise(this.#start, this.#end)
    for (const [start, end] of this.#further) this.#promise(start, end)
    this.#further.length = 0
  }

  /** What the operation revoked besides the range that it began with. */
  alsoRevoked(start: number, end: number): void {
    this.#further.push([start, end])
  }

  /** Tells the oracles what holds from now on. */
  #promise(start: number, end: number): void {
    const w = this.#k.w
    const mm = this.#mm
    const revoked = this.#drops ? PAGE_LOG.revoked : PAGE_LOG.write_revoked
    for (let vpn = start; vpn < end; vpn++) {
      Atomics.store(w, mm.log(vpn, revoked), this.#time)
      if (this.#drops) Atomics.add(w, mm.log(vpn, PAGE_LOG.zap_ended), 1)
    }
  }
}
