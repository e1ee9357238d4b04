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
import { prepareAnonVma } from '../fault/prepare-anon-vma.ts'
import type { Kernel } from '../kernel.ts'
import { VM_GROWSDOWN, VMA } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { lockRmap, unlockRmap } from '../rmap/rmap-locks.ts'
import { setRange } from './vma.ts'
import { borderBefore, borderBehind, findVma, findVmaFrom, findVmaIn, findVmaSlowly, storeRange } from './vma-store.ts'

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

/** Whether a stack might grow down to `vpn`, which no VMA holds, for who cannot look at VMAs. */
export function mayBeBelowStack(k: Kernel, mm: Mm, vpn: number): boolean {
  return borderBehind(k, mm, vpn) - vpn < k.image.options.stackLimit
}

/**
 * As `growStack` under a range lock, of which the caller holds nothing: the next mapping above is looked at with one of
 * its pages locked, and grown with all of them, the hole below it, and the page above it, whose anon_vma it may share.
 * True: look for the page again.
 */
export function growStackInRange(k: Kernel, mm: Mm, vpn: number): boolean {
  const start = borderBehind(k, mm, vpn)
  if (start - vpn >= k.image.options.stackLimit) return false
  k.policy.readLock(mm, vpn, start + 1)
  const seen = findVmaIn(k, mm, start, start + 1)
  const grows = seen !== 0 && isStack(k, seen)
  const end = grows ? Atomics.load(k.w, seen + VMA.vm_end) : 0
  k.policy.readUnlock(mm)
  // Gone since it was found: there may be another one.
  if (seen === 0) return true
  if (!grows) return false
  k.policy.writeLock(mm, vpn, Math.min(end + 1, mm.pages))
  const result = growLocked(k, mm, start, end, vpn)
  k.policy.writeUnlock(mm)
  return result
}

/** Nothing that was found before counts any more; of what is found now, [vpn, end] is locked. */
function growLocked(k: Kernel, mm: Mm, start: number, end: number, vpn: number): boolean {
  const vma = findVmaIn(k, mm, start, start + 1)
  passSlow(REFOUND, vpn, vma)
  const changed = vma === 0 || Atomics.load(k.w, vma + VMA.vm_end) > end || findVma(k, mm, vpn) !== 0
  if (changed) return true
  return isStack(k, vma) && hasRoom(k, mm, vma, vpn) && expandUnderWrite(k, mm, vma, vpn)
}

const isStack = (k: Kernel, vma: number) => (Atomics.load(k.w, vma + VMA.vm_flags) & VM_GROWSDOWN) !== 0

/** The next mapping above the page, if it is a stack and may grow so far, or 0. */
function stackAbove(k: Kernel, mm: Mm, vpn: number): number {
  const vma = findVmaFrom(k, mm, vpn)
  if (vma === 0 || !isStack(k, vma)) return 0
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
  return next !== 0 && isStack(k, next)
}
