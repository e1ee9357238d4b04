/**
 * Stacks: mappings that grow downwards when a page below them is touched. There is no way up from mmap_lock held for
 * read to held for write, so a fault that has to grow a stack lets go of the lock, takes it for write, and looks for
 * everything again (`expand-write`, Linux 6.5 and later). Before that, growing was done under the read lock, with the
 * locks that others might come by in addition (`expand-read`). It works as long as everybody knows: who walks the VMA
 * store under mmap_lock held for read needs RCU as well, since a grown stack replaces a node of it; and munmap must not
 * go on under the read lock beside a mapping that may grow into what it unmaps.
 *
 * Source: our specification; Linux, lock_mm_and_find_vma() and expand_downwards(); for the two dangers CVE-2023-3269
 * and commit 246c320a8cfe (2020).
 */
import { bug, passSlow, site } from '../../shm/sites.ts'
import { spinLock, spinUnlock } from '../../sync/spinlock.ts'
import { prepareAnonVma } from '../fault/fault.ts'
import type { Kernel, Mm } from '../kernel.ts'
import { VM_GROWSDOWN, VMA } from '../layout.ts'
import { lockRmap, unlockRmap } from '../rmap/rmap-locks.ts'
import { setRange } from './vma.ts'
import { borderBefore, findVma, findVmaFrom, findVmaSlowly, storeRange } from './vma-store.ts'

const UNLOCKED = bug('stack-unlocked')
const NO_RCU = bug('stackrot')
const EXPAND = site('stack/expand')
const REFOUND = site('stack/found-again')

/** Pages that stay free below a stack, so that who runs over its end notices. */
const GUARD_GAP = 1

/** As `findVma` under mmap_lock held for read, where stacks may grow beside us. */
export function findVmaBesideStacks(k: Kernel, mm: Mm, vpn: number): number {
  if (!k.growsUnderRead) return findVma(k, mm, vpn)
  // Others replace nodes of the store under the same read lock: RCU alone keeps the one that we are in.
  if (NO_RCU) return findVmaSlowly(k, mm, vpn)
  k.rcu.readLock()
  const vma = findVmaSlowly(k, mm, vpn)
  k.rcu.readUnlock()
  return vma
}

/**
 * Grows the stack above `vpn`, which no VMA holds, down to it. mmap_lock is held for read, before and afterwards; it may
 * have been let go of in between. Returns the VMA that holds the page then, or 0.
 */
export function growStack(k: Kernel, mm: Mm, vpn: number): number {
  const stack = stackAbove(k, mm, vpn)
  if (stack === 0) return 0
  if (k.growsUnderRead) return expandUnderRead(k, mm, stack, vpn) ? stack : 0
  mm.lock.upRead()
  k.policy.writeLock(mm)
  // Nothing that was found before counts any more.
  let vma = findVma(k, mm, vpn)
  passSlow(REFOUND, vpn, vma)
  if (vma === 0) {
    const found = stackAbove(k, mm, vpn)
    if (found !== 0 && expandUnderWrite(k, mm, found, vpn)) vma = found
  }
  k.policy.writeDowngrade(mm)
  return vma
}

/** The next mapping above the page, if it is a stack and may grow so far, or 0. */
function stackAbove(k: Kernel, mm: Mm, vpn: number): number {
  const vma = findVmaFrom(k, mm, vpn)
  if (vma === 0 || (Atomics.load(k.w, vma + VMA.vm_flags) & VM_GROWSDOWN) === 0) return 0
  return hasRoom(k, mm, vma, vpn) ? vma : 0
}

function hasRoom(k: Kernel, mm: Mm, vma: number, vpn: number): boolean {
  const start = Atomics.load(k.w, vma + VMA.vm_start)
  if (Atomics.load(k.w, vma + VMA.vm_end) - vpn > k.image.options.stackLimit) return false
  return borderBefore(k, mm, start) + GUARD_GAP <= vpn
}

function expandUnderWrite(k: Kernel, mm: Mm, vma: number, vpn: number): boolean {
  if (!prepareAnonVma(k, mm, vma, 0)) return false
  // Faults under the VMA lock do not look at mmap_lock: without this they would see the VMA half-way.
  if (!UNLOCKED) k.policy.startWrite(mm, vma)
  lockRmap(k, vma)
  expand(k, mm, vma, vpn)
  unlockRmap(k, vma)
  return true
}

/** The locks of the pages keep walkers away, page_table_lock keeps away others who grow a stack. */
function expandUnderRead(k: Kernel, mm: Mm, vma: number, vpn: number): boolean {
  if (!prepareAnonVma(k, mm, vma, 0)) return false
  lockRmap(k, vma)
  spinLock(k.cpu, mm.pageTableLock)
  // Nodes are retired here with a spinlock held: no waiting for grace periods.
  k.rcu.readLock()
  // Somebody else may have grown it so far, or have taken the room.
  const grown = Atomics.load(k.w, vma + VMA.vm_start) <= vpn
  const may = grown || hasRoom(k, mm, vma, vpn)
  if (may && !grown) expand(k, mm, vma, vpn)
  k.rcu.readUnlock()
  spinUnlock(k.cpu, mm.pageTableLock)
  unlockRmap(k, vma)
  return may
}

function expand(k: Kernel, mm: Mm, vma: number, vpn: number): void {
  const end = Atomics.load(k.w, vma + VMA.vm_end)
  passSlow(EXPAND, vpn, end)
  setRange(k, vma, vpn, end)
  storeRange(k, mm, vpn, end, vma)
}

/** Whether a mapping that begins at or above `vpn` may grow into what lies below it, under mmap_lock held for read. */
export function mayGrowInto(k: Kernel, mm: Mm, vpn: number): boolean {
  if (!k.growsUnderRead) return false
  const next = findVmaFrom(k, mm, vpn)
  return next !== 0 && (Atomics.load(k.w, next + VMA.vm_flags) & VM_GROWSDOWN) !== 0
}
