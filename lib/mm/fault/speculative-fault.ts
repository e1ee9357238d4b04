/**
 * A fault that takes no lock of the address space, as proposed for Linux in 2021 and never merged. It notes mm_lock_seq,
 * copies the VMA, prepares the page from the copy, and looks at the number again and again: whoever locks mmap_lock for
 * write has moved it on. Only under the page table lock does the answer last: a writer that comes later has to take that
 * lock before it can touch the entry, and then finds what was installed.
 *
 * Three windows, three checks. The VMA is copied field by field, so the copy means nothing before the number was found
 * unchanged. The tables are walked without a lock, so the walk begins in an RCU section, at an unchanged number: what was
 * linked then is not freed before the section ends. And between the last look and the page table lock a munmap may come
 * and go, so the number is looked at once more under the lock.
 *
 * The page table lock is only tried. Its holder may wait for this CPU to flush its TLB; and a fault that would have to
 * wait is better off with mmap_lock.
 */
import { violated } from '../../check/oracle.ts'
import { POISON } from '../../shm/arena.ts'
import { bug, pass, site } from '../../shm/sites.ts'
import { readSeqcountBegin, readSeqcountRetry } from '../../sync/seqcount.ts'
import { spinTrylock, spinUnlock } from '../../sync/spinlock.ts'
import type { Kernel } from '../kernel.ts'
import { PTE_ACCESSED, PTE_FRAME_SHIFT, PTE_PRESENT, PTE_WRITE, TABLE, VMA, ZERO_FRAME } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { findPmd, pteUnmapUnlock, walkedIntoFreedTable } from '../table/page-table.ts'
import { ptep, readPte, setPte } from '../table/pte.ts'
import { checksum, permits } from '../vma/vma.ts'
import { findVma } from '../vma/vma-store.ts'
import { isUnstable } from './anon-fault.ts'
import { replacePage } from './cow.ts'
import { writableEntry } from './entries.ts'
import { FAULT_OK, FAULT_OOM, FAULT_SIGBUS } from './fault-codes.ts'

/** Nothing was done, or it was undone; the reason is counted: take mmap_lock. */
export const ABORTED = -1

const NO_RECHECK = bug('spf-no-recheck')
const COPIED = site('spf/copied')
const BEFORE_PTL = site('spf/before-ptl')
const LOST_RACE = site('spf/pte-changed')

/** A thread's speculative faults, one at a time. */
export class SpeculativeFaults {
  readonly #k: Kernel
  /** mm_lock_seq when the fault began. */
  #seq = 0
  /** The copy of the VMA. */
  #start = 0
  #end = 0
  #flags = 0
  #pgoff = 0
  #anonVma = 0
  #object = 0
  /** What the walk found: the entry that holds the leaf table, the table, the entry of the page. */
  #pmd = 0
  #table = 0
  #original = 0

  constructor(k: Kernel) {
    this.#k = k
  }

  /** FAULT_OK, FAULT_OOM, FAULT_SIGBUS, or ABORTED. */
  handle(mm: Mm, vpn: number, write: boolean): number {
    const { stats } = this.#k
    this.#seq = readSeqcountBegin(this.#k.w, mm.seq)
    if (this.#seq & 1) {
      stats.abortOdd++
      return ABORTED
    }
    if (!this.#copyVma(mm, vpn) || !this.#isHandled(write) || !this.#walk(mm, vpn)) return ABORTED
    const original = this.#original
    if (original === 0) return write ? this.#firstWrite(mm, vpn) : this.#firstRead(mm, vpn)
    if ((original & PTE_PRESENT) === 0) walkedIntoFreedTable(vpn, 0)
    if (!write || original & PTE_WRITE) return FAULT_OK
    if (original >>> PTE_FRAME_SHIFT === ZERO_FRAME) return this.#firstWrite(mm, vpn)
    // Whether the page is ours alone takes counts and the page lock: not without a lock of our own.
    stats.abortCow++
    return ABORTED
  }

  #copyVma(mm: Mm, vpn: number): boolean {
    const { w, rcu, stats } = this.#k
    rcu.readLock()
    const vma = findVma(this.#k, mm, vpn)
    if (vma === 0) {
      rcu.readUnlock()
      stats.fallbackNoVma++
      return false
    }
    const owner = Atomics.load(w, vma + VMA.vm_mm)
    this.#start = Atomics.load(w, vma + VMA.vm_start)
    this.#end = Atomics.load(w, vma + VMA.vm_end)
    this.#flags = Atomics.load(w, vma + VMA.vm_flags)
    this.#pgoff = Atomics.load(w, vma + VMA.vm_pgoff)
    this.#anonVma = Atomics.load(w, vma + VMA.anon_vma)
    this.#object = Atomics.load(w, vma + VMA.object)
    const committed = Atomics.load(w, vma + VMA.committed)
    rcu.readUnlock()
    if (this.#start === POISON) violated('GEN', `vma ${vma} was freed while a fault copied it under RCU`)
    pass(COPIED, vpn, vma)
    if (readSeqcountRetry(w, mm.seq, this.#seq)) {
      stats.abortChanged++
      return false
    }
    // Only now does the copy say something: the VMA oracle asks whether that is sound.
    const sound = owner === mm.tag && committed === checksum(this.#start, this.#end, this.#flags)
    if (!sound || vpn < this.#start || vpn >= this.#end)
      violated('VMA', `a speculative fault on page ${vpn} of mm ${mm.tag - 1} copied a VMA that was never committed`, {
        vma,
        owner,
        start: this.#start,
        end: this.#end,
        flags: this.#flags,
        committed,
      })
    return true
  }

  /** Whether this is a fault for speculation: what it refuses is left to who holds mmap_lock, SEGV included. */
  #isHandled(write: boolean): boolean {
    const { stats } = this.#k
    if (!permits(this.#flags, write)) stats.abortAccess++
    else if (this.#object !== 0) stats.fallbackShared++
    else if (write && this.#anonVma === 0) stats.fallbackAnonVma++
    else return true
    return false
  }

  /** Finds the page's entry in tables that exist: making some takes a lock. */
  #walk(mm: Mm, vpn: number): boolean {
    const k = this.#k
    const { w, rcu, stats } = k
    rcu.readLock()
    const changed = Atomics.load(w, mm.seq) !== this.#seq
    this.#pmd = changed ? 0 : findPmd(k, mm, vpn)
    this.#table = this.#pmd === 0 ? 0 : Atomics.load(w, this.#pmd)
    if (this.#table !== 0) this.#original = readPte(k, ptep(k, this.#table, vpn))
    rcu.readUnlock()
    if (changed) stats.abortChanged++
    else if (this.#table === 0) stats.abortTable++
    return this.#table !== 0
  }

  #firstRead(mm: Mm, vpn: number): number {
    if (!this.#lockTable(mm, vpn)) return ABORTED
    const at = ptep(this.#k, this.#table, vpn)
    const unstable = isUnstable(this.#k, mm)
    if (!unstable && this.#isUnchanged(at, vpn))
      setPte(this.#k, at, (ZERO_FRAME << PTE_FRAME_SHIFT) | PTE_PRESENT | PTE_ACCESSED)
    pteUnmapUnlock(this.#k, this.#table)
    return unstable ? FAULT_SIGBUS : FAULT_OK
  }

  /** A write to a page that has no frame of its own yet: it has no entry, or that of the zero page. */
  #firstWrite(mm: Mm, vpn: number): number {
    const k = this.#k
    const frame = k.frames.alloc()
    if (frame === 0) return FAULT_OOM
    const locked = this.#lockTable(mm, vpn)
    const at = ptep(k, this.#table, vpn)
    const unstable = locked && isUnstable(k, mm)
    const won = locked && !unstable && this.#isUnchanged(at, vpn)
    if (won) this.#install(mm, vpn, at, frame)
    if (locked) pteUnmapUnlock(k, this.#table)
    if (!won) k.frames.put(frame)
    if (unstable) return FAULT_SIGBUS
    // Who lost a race against another fault tries the access again: the page is probably there.
    return locked ? FAULT_OK : ABORTED
  }

  #install(mm: Mm, vpn: number, at: number, frame: number): void {
    const k = this.#k
    const index = vpn - this.#start + this.#pgoff
    if (this.#original !== 0) {
      replacePage(k, mm, vpn, at, this.#original, writableEntry(frame), this.#anonVma, index)
      return
    }
    k.frames.firstMappingOf(frame, this.#anonVma, index)
    k.countAnon(mm, 1)
    setPte(k, at, writableEntry(frame))
  }

  /** The kernel's pte_map_lock. The RCU section that it opens lasts until `pteUnmapUnlock`. */
  #lockTable(mm: Mm, vpn: number): boolean {
    const { w, rcu, cpu, stats } = this.#k
    rcu.readLock()
    // In this order: unchanged, so the table above is still one, and its entry may be read.
    if (Atomics.load(w, mm.seq) !== this.#seq) stats.abortChanged++
    else if (Atomics.load(w, this.#pmd) !== this.#table) stats.abortTable++
    else {
      pass(BEFORE_PTL, vpn, this.#table)
      if (!spinTrylock(cpu, this.#table + TABLE.ptl)) stats.abortTrylock++
      else if (NO_RECHECK || Atomics.load(w, mm.seq) === this.#seq) return true
      else {
        spinUnlock(cpu, this.#table + TABLE.ptl)
        stats.abortRecheck++
      }
    }
    rcu.readUnlock()
    return false
  }

  #isUnchanged(at: number, vpn: number): boolean {
    const now = readPte(this.#k, at)
    if (now === this.#original) return true
    pass(LOST_RACE, vpn, now)
    this.#k.stats.pteChanged++
    return false
  }
}
