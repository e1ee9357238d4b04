/**
 * The range lock in the place of mmap_lock, which nobody takes: a fault locks its page for reading, a change locks the
 * pages that it may spread to for writing, and where these do not meet all go on at once, writers too.
 *
 * What has to be locked follows from two rules. Who reads a VMA holds one of its pages at least, for reading will do;
 * who changes or frees one holds all of its pages, those before and those after the change, for writing. And who frees
 * page tables holds, for reading at least, the gap in which they lie, so that nobody maps anything there.
 *
 * So a change of [start, end) needs more than that: VMAs that reach across a border are split; VMAs that touch it may be
 * merged with it; and tables in the gaps beside it may go. `reachOf` reads all of this off the store, which may change
 * before the range is locked: then it is read again, and the lock widened. Once it is locked nobody can change what it
 * was read from. The whole address space is locked where no range is named, and after too many attempts.
 *
 * A fault that finds its VMA without an anon_vma needs the neighbours, since it may take theirs: it gives up its page
 * and locks the VMA and a page on both sides. There is nothing else that one page does not suffice for. The page tables
 * above it are shared with other ranges, but they are published under page_table_lock, and not freed while a VMA needs
 * them. The store has a lock of its own.
 *
 * After Kogan, Dice, Issa (EuroSys 2020), who refine mprotect in the same way and lock everything for the rest.
 */
import { violated } from '../../check/oracle.ts'
import { bug, pass, passSlow, site } from '../../shm/sites.ts'
import { RangeLock, RangeNodes } from '../../sync/range-lock.ts'
import { handleMmFault } from '../fault/fault.ts'
import { ALLOW_RETRY, FAULT_COMPLETED, FAULT_OK, FAULT_RETRY, FAULT_SEGV, TRIED } from '../fault/fault-codes.ts'
import type { Kernel } from '../kernel.ts'
import { VM_SHARED, VMA } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { growStackInRange, mayBeBelowStack } from '../vma/stack.ts'
import { OUT_OF_RANGE, permits, verifyVma } from '../vma/vma.ts'
import { findVma, reachOf } from '../vma/vma-store.ts'
import { markAttached, markDetached } from './mmap-lock.ts'
import type { Policy } from './policy.ts'

/** Times that a writer finds its range outgrown before it locks everything. */
const ATTEMPTS = 3

/** Locks the pages that were named, and forgets what a change there spreads to. */
const NAMED_ONLY = bug('range-lock-named-only')

const FOUND = site('range-lock/vma-found')
const REACH = site('range-lock/reach')
const OUTGROWN = site('range-lock/outgrown')
const WIDEN = site('range-lock/widen')

export class RangeLockPolicy implements Policy {
  readonly name = 'range-lock'
  readonly #k: Kernel
  /** By address space. */
  readonly #locks: readonly RangeLock[]
  /** What this thread has locked of each address space, by its number; 0: nothing. */
  readonly #held: number[]
  readonly #reach: [number, number] = [0, 0]

  constructor(k: Kernel) {
    this.#k = k
    const { rangeLocks, waiters, options } = k.image
    const nodes = new RangeNodes(k.cpu, rangeLocks, k.rcu)
    this.#locks = Array.from(
      { length: options.mms },
      (_, id) => new RangeLock(k.cpu, waiters, rangeLocks, id, k.rcu, nodes),
    )
    this.#held = this.#locks.map(() => 0)
  }

  fault(mm: Mm, vpn: number, write: boolean): number {
    const { stats } = this.#k
    const lock = this.#locks[mm.tag - 1]
    const { waits } = lock
    let flags = ALLOW_RETRY
    let start = vpn
    let end = vpn + 1
    for (;;) {
      this.#hold(mm, start, end, true)
      const vma = this.#find(mm, vpn)
      pass(FOUND, vpn, vma)
      if (vma === 0 && this.#grewStack(mm, vpn)) {
        start = vpn
        end = vpn + 1
        continue
      }
      if (vma !== 0 && this.#needsNeighbours(vma, write, start, end)) {
        // Their borders may move before they are locked: then it is not enough again.
        start = Atomics.load(this.#k.w, vma + VMA.vm_start) - 1
        end = Atomics.load(this.#k.w, vma + VMA.vm_end) + 1
        this.#drop(mm)
        passSlow(WIDEN, start, end)
        stats.rangeWidened++
        continue
      }
      const result = this.#handle(mm, vma, vpn, write, flags)
      if (result !== FAULT_RETRY) {
        if (result !== FAULT_COMPLETED) this.#drop(mm)
        if (lock.waits !== waits) stats.rangeWaits++
        else if (start === vpn && flags === ALLOW_RETRY) stats.fast++
        return result === FAULT_COMPLETED ? FAULT_OK : result
      }
      // The handler has dropped the lock already. It may do so once.
      stats.retries++
      flags = TRIED
    }
  }

  #find(mm: Mm, vpn: number): number {
    const { rcu } = this.#k
    rcu.readLock()
    const vma = findVma(this.#k, mm, vpn)
    rcu.readUnlock()
    return vma
  }

  /** True, and nothing is held: look again. False: the page is locked as before. */
  #grewStack(mm: Mm, vpn: number): boolean {
    if (!mayBeBelowStack(this.#k, mm, vpn)) return false
    this.#drop(mm)
    if (growStackInRange(this.#k, mm, vpn)) return true
    this.#hold(mm, vpn, vpn + 1, true)
    return false
  }

  /** Whether the fault may have to look at the VMA's neighbours, and what it holds is not enough for that. */
  #needsNeighbours(vma: number, write: boolean, start: number, end: number): boolean {
    const { w } = this.#k
    if (!write || Atomics.load(w, vma + VMA.anon_vma) !== 0) return false
    if (Atomics.load(w, vma + VMA.vm_flags) & VM_SHARED) return false
    return start >= Atomics.load(w, vma + VMA.vm_start) || end <= Atomics.load(w, vma + VMA.vm_end)
  }

  #handle(mm: Mm, vma: number, vpn: number, write: boolean, faultFlags: number): number {
    const k = this.#k
    const flags = vma === 0 ? 0 : verifyVma(k, mm, vma, vpn)
    if (flags === OUT_OF_RANGE)
      violated(
        'VMA',
        `page ${vpn} of mm ${mm.tag - 1} was looked up under its range lock, and found in a VMA elsewhere`,
      )
    return permits(flags, write) ? handleMmFault(k, mm, vma, vpn, write, faultFlags) : FAULT_SEGV
  }

  endFault(mm: Mm): void {
    this.#drop(mm)
  }

  readLock(mm: Mm, start = 0, end = mm.pages): void {
    this.#hold(mm, start, end, true)
  }

  readTrylock(mm: Mm): boolean {
    const id = this.#free(mm)
    this.#held[id] = this.#locks[id].tryLock(0, mm.pages, true)
    return this.#held[id] !== 0
  }

  readUnlock(mm: Mm): void {
    this.#drop(mm)
  }

  writeLock(mm: Mm, start = 0, end = mm.pages): void {
    for (let n = 0; n < ATTEMPTS; n++) {
      reachOf(this.#k, mm, start, end, this.#reach)
      const [from, to] = NAMED_ONLY ? [start, end] : this.#reach
      passSlow(REACH, from, to)
      this.#hold(mm, from, to, false)
      reachOf(this.#k, mm, start, end, this.#reach)
      if (NAMED_ONLY || (this.#reach[0] >= from && this.#reach[1] <= to)) return
      passSlow(OUTGROWN, this.#reach[0], this.#reach[1])
      this.#drop(mm)
    }
    this.#hold(mm, 0, mm.pages, false)
  }

  writeUnlock(mm: Mm): void {
    this.#drop(mm)
  }

  writeDowngrade(mm: Mm): void {
    this.#locks[mm.tag - 1].downgrade(this.#held[mm.tag - 1])
  }

  /** All its pages are locked for write. */
  startWrite(): void {}

  attach(vma: number): void {
    markAttached(this.#k, vma)
  }

  detach(_mm: Mm, vma: number): void {
    markDetached(this.#k, vma)
  }

  /** Nobody looks at a VMA without holding one of its pages. */
  free(vma: number): void {
    this.#k.vmas.free(vma)
  }

  #hold(mm: Mm, start: number, end: number, reader: boolean): void {
    const id = this.#free(mm)
    this.#held[id] = this.#locks[id].lock(start, end, reader)
  }

  /** Number of the address space, of which this thread holds no range yet. */
  #free(mm: Mm): number {
    const id = mm.tag - 1
    if (this.#held[id] !== 0) violated('CNT', `cpu ${this.#k.cpu.id} locks a second range of mm ${id}`)
    return id
  }

  #drop(mm: Mm): void {
    const id = mm.tag - 1
    const node = this.#held[id]
    if (node === 0) violated('CNT', `cpu ${this.#k.cpu.id} unlocks a range of mm ${id} and holds none`)
    this.#held[id] = 0
    this.#locks[id].unlock(node)
  }
}
