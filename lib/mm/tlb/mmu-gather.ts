/**
 * The mmu_gather: collects what an operation took out of the page tables, makes every CPU forget it, and only then
 * lets the frames go. Clearing an entry, flushing the TLBs and freeing the frame are three steps, with room between
 * them for everything that goes wrong in real kernels.
 */
import { bug, pass, passSlow, site } from '../../shm/sites.ts'
import type { Kernel } from '../kernel.ts'
import { PAGE_LOG } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { freeTable } from '../table/page-table.ts'
import type { Gather } from './gather.ts'
import { ALL_PAGES, shootdown } from './shootdown.ts'

const FREE_BEFORE_FLUSH = bug('free-before-flush')
const FREE_TABLES_AT_ONCE = bug('table-free-no-rcu')
const IGNORE_NESTED_FLUSH = bug('tlb-flush-nested-ignored')
const FLUSH = site('gather/flush')
const FREE_TABLE = site('gather/free-table')
const NESTED = site('gather/nested')

/** Frames collected before a flush is forced. */
const GATHER_FRAMES = 256

export class MmuGather implements Gather {
  readonly #k: Kernel
  readonly #frames = new Int32Array(GATHER_FRAMES)
  readonly #tables: number[] = []
  readonly #further: (readonly [number, number])[] = []
  readonly #freeTable: (table: number) => void
  #mm: Mm
  #count = 0
  #cleared = false
  #drops = false
  #zeroes = false
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

  begin(mm: Mm, start: number, end: number, drops: boolean, zeroes = drops): void {
    const w = this.#k.w
    this.#mm = mm
    this.#start = start
    this.#end = end
    this.#drops = drops
    this.#zeroes = zeroes
    this.#cleared = false
    Atomics.add(w, mm.flushPending, 1)
    this.#time = (Atomics.add(w, mm.gen, 1) + 1) | 0
    if (zeroes) for (let vpn = start; vpn < end; vpn++) Atomics.add(w, mm.log(vpn, PAGE_LOG.zap_begun), 1)
  }

  addChange(): void {
    this.#cleared = true
  }

  addFrame(frame: number): boolean {
    this.#cleared = true
    this.#frames[this.#count++] = frame
    return this.#count === GATHER_FRAMES
  }

  addTable(table: number): void {
    this.#cleared = true
    this.#tables.push(table)
  }

  flushTlb(): void {
    const known = this.#start < this.#end && this.#further.length === 0
    shootdown(this.#k, this.#mm, known ? this.#start : 0, known ? this.#end : ALL_PAGES, this.#tables.length > 0)
  }

  flush(): void {
    passSlow(FLUSH, this.#mm.tag, this.#count)
    if (FREE_BEFORE_FLUSH) {
      this.#freeFrames()
      this.flushTlb()
    } else {
      this.flushTlb()
      this.#freeFrames()
    }
    for (const table of this.#tables) this.#retire(table)
    this.#tables.length = 0
  }

  /** No CPU translates through the table any more; yet somebody may walk it without a lock. */
  #retire(table: number): void {
    pass(FREE_TABLE, this.#mm.tag, table)
    if (FREE_TABLES_AT_ONCE) freeTable(this.#k, table)
    else this.#k.retireTable(this.#freeTable, table)
  }

  #freeFrames(): void {
    for (let n = 0; n < this.#count; n++) this.#k.frames.put(this.#frames[n])
    this.#count = 0
  }

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

  forgo(): void {
    if (this.#drops)
      for (let vpn = this.#start; vpn < this.#end; vpn++)
        Atomics.sub(this.#k.w, this.#mm.log(vpn, PAGE_LOG.zap_begun), 1)
    this.#end = this.#start
  }

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
      if (this.#zeroes) Atomics.add(w, mm.log(vpn, PAGE_LOG.zap_ended), 1)
    }
  }
}
