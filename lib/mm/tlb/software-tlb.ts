/**
 * A worker's software TLB, and the hardware's page walk that fills it. Private to its thread: nobody edits another
 * worker's TLB, they ask for an interrupt and wait.
 */
import { violated } from '../../check/oracle.ts'
import { POISON } from '../../shm/arena.ts'
import type { Kernel } from '../kernel.ts'
import { FRAME, PAGE_LOG, PTE_ACCESSED, PTE_DIRTY, PTE_FRAME_SHIFT, PTE_PRESENT, PTE_WRITE } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { findPmd, walkedIntoFreedTable } from '../table/page-table.ts'
import { changePte, ptep, readPte } from '../table/pte.ts'
import type { Tlb } from './tlb.ts'

const SLOTS = 256
/** Of more pages than this the whole TLB is flushed, as the kernel does: one by one costs more. */
const FLUSH_CEILING = 33
/** Pages that hardware walks to ahead of their use. */
const AHEAD = 4
/** A dirty entry may have lost its right to write; a writable one that is not dirty must be walked to become so. */
const MAY_WRITE = PTE_WRITE | PTE_DIRTY

export class SoftwareTlb implements Tlb {
  readonly #k: Kernel
  readonly #w: Int32Array
  /** vpn + 1; 0: empty. */
  readonly #tags = new Int32Array(SLOTS)
  readonly #entries = new Int32Array(SLOTS)
  /** Generation of the frame when the entry was read. */
  readonly #frameGens = new Int32Array(SLOTS)
  /** tlb_gen of the address space when the entry was read. */
  readonly #times = new Int32Array(SLOTS)
  /** The page that was walked to last. */
  #latest = 0

  constructor(k: Kernel) {
    this.#k = k
    this.#w = k.w
  }

  flush(): void {
    this.#tags.fill(0)
  }

  /** Hardware walks the new tables at once, for pages that it will probably need: neighbours, whose entries come in one line. */
  load(mm: Mm): void {
    this.flush()
    const first = this.#latest & ~(AHEAD - 1)
    for (let vpn = first; vpn < first + AHEAD && vpn < mm.pages; vpn++) this.#fill(mm, vpn, vpn & (SLOTS - 1), false)
  }

  flushRange(start: number, end: number): void {
    if (end - start > FLUSH_CEILING) {
      this.flush()
      return
    }
    for (let vpn = start; vpn < end; vpn++) {
      const slot = vpn & (SLOTS - 1)
      if (this.#tags[slot] === vpn + 1) this.#tags[slot] = 0
    }
  }

  lookup(mm: Mm, vpn: number, write: boolean): number {
    const slot = vpn & (SLOTS - 1)
    if (this.#tags[slot] !== vpn + 1 || (write && (this.#entries[slot] & MAY_WRITE) !== MAY_WRITE)) {
      if (!this.#fill(mm, vpn, slot, write)) return 0
    } else this.#checkRevoked(mm, vpn, slot, write)
    return this.#k.frames.at(this.#entries[slot] >>> PTE_FRAME_SHIFT)
  }

  /**
   * TLB oracle: whoever revoked a translation has promised that nobody uses it any more. Not asked of one that was read
   * in this very access: an operation that began since waits for us.
   */
  #checkRevoked(mm: Mm, vpn: number, slot: number, write: boolean): void {
    const time = this.#times[slot]
    const revoked = Atomics.load(this.#w, mm.log(vpn, PAGE_LOG.revoked))
    if (((revoked - time) | 0) > 0) this.#usedAfterRevocation(mm, vpn, slot, revoked)
    if (!write) return
    const writeRevoked = Atomics.load(this.#w, mm.log(vpn, PAGE_LOG.write_revoked))
    if (((writeRevoked - time) | 0) > 0) this.#usedAfterRevocation(mm, vpn, slot, writeRevoked)
  }

  verify(vpn: number): void {
    const slot = vpn & (SLOTS - 1)
    const frame = this.#entries[slot] >>> PTE_FRAME_SHIFT
    const gen = Atomics.load(this.#w, this.#k.frames.at(frame) + FRAME.gen)
    if (gen !== this.#frameGens[slot])
      violated(
        'FREE',
        `frame ${frame} was freed while page ${vpn} was accessed through it: generation ${gen}, the TLB has ${this.#frameGens[slot]}`,
      )
  }

  /** The hardware's walk: lockless, sets accessed and dirty by compare-and-swap. False: a fault. */
  #fill(mm: Mm, vpn: number, slot: number, write: boolean): boolean {
    const w = this.#w
    const k = this.#k
    for (;;) {
      // Time before and after reading the entry: equal, so the entry was valid at that time, and any operation that
      // began later has found it, or found it pending, and waits for us.
      const time = Atomics.load(w, mm.gen)
      const pmd = findPmd(k, mm, vpn)
      if (pmd === 0) return false
      const table = Atomics.load(w, pmd)
      if (table === 0) return false
      if (table === POISON) walkedIntoFreedTable(vpn, 1)
      const at = ptep(k, table, vpn)
      const pte = readPte(k, at)
      if ((pte & PTE_PRESENT) === 0) {
        if (pte === POISON) walkedIntoFreedTable(vpn, 0)
        return false
      }
      if (write && (pte & PTE_WRITE) === 0) return false
      const marked = pte | (write ? PTE_ACCESSED | PTE_DIRTY : PTE_ACCESSED)
      // Never a plain store: a zapper or mprotect may change the entry at this moment, and would be undone.
      if (marked !== pte && !changePte(k, at, pte, marked)) continue
      if (Atomics.load(w, mm.gen) !== time) continue
      this.#latest = vpn
      this.#tags[slot] = vpn + 1
      this.#entries[slot] = marked
      this.#times[slot] = time
      this.#frameGens[slot] = Atomics.load(w, k.frames.at(marked >>> PTE_FRAME_SHIFT) + FRAME.gen)
      return true
    }
  }

  #usedAfterRevocation(mm: Mm, vpn: number, slot: number, revoked: number): never {
    violated(
      'TLB',
      `page ${vpn} of mm ${mm.tag - 1} was accessed through a translation of time ${this.#times[slot]}, ` +
        `although an operation of time ${revoked} that revoked it has returned`,
      { entry: this.#entries[slot] },
    )
  }
}
