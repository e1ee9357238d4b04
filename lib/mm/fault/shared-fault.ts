/**
 * Faults on MAP_SHARED memory: the page belongs to an object and may be mapped by several address spaces, each under
 * its own page table lock. PG_locked is what they have in common.
 */

import type { Kernel } from '../kernel.ts'
import { FRAME, PG_DIRTY, PTE_ACCESSED, PTE_DIRTY, PTE_FRAME_SHIFT, PTE_PRESENT, PTE_WRITE, VMA } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { isFile } from '../page/disk.ts'
import { lockedPageForFault, lockPageOrRetry, NO_MEMORY, WAITED } from '../page/page-cache.ts'
import { unlockPage } from '../page/page-flags.ts'
import { checkClean } from '../page/writeback.ts'
import { pteOffsetMapLock, pteUnmapUnlock } from '../table/page-table.ts'
import { changePte, ptep, readPte, setPte } from '../table/pte.ts'
import { writableEntry } from './entries.ts'
import { FAULT_OK, FAULT_OOM, FAULT_RETRY } from './fault-codes.ts'

/** No entry is there; the page of the object is mapped, to be written to if that is what it is wanted for. */
export function faultShared(
  k: Kernel,
  mm: Mm,
  vma: number,
  pmd: number,
  vpn: number,
  write: boolean,
  flags: number,
): number {
  const frame = lockedPageForFault(k, mm, vma, vpn, flags)
  if (frame === NO_MEMORY) return FAULT_OOM
  if (frame === WAITED) return FAULT_RETRY
  // Under the page lock: a writeback that made the page clean did so before it was mapped, or comes after.
  if (write) markDirty(k, vma, frame)
  if (!mapPage(k, mm, pmd, vpn, frame, write)) k.frames.put(frame)
  unlockPage(k, frame)
  return FAULT_OK
}

/** A write to a page of a shared mapping that is mapped read-only: never written to, or written to the disk since. */
export function faultMakeWritable(
  k: Kernel,
  mm: Mm,
  vma: number,
  pmd: number,
  vpn: number,
  original: number,
  flags: number,
): number {
  if (!isFile(k, Atomics.load(k.w, vma + VMA.object))) return allowWrite(k, pmd, vpn, original)
  const frame = pinMapped(k, pmd, vpn, original)
  if (frame === 0) return FAULT_OK
  const locked = lockPageOrRetry(k, mm, vma, frame, flags)
  if (locked) {
    // Dirty before it may be written to, and locked until then: a writeback takes both away, or neither.
    markDirty(k, vma, frame)
    allowWrite(k, pmd, vpn, original)
    unlockPage(k, frame)
  }
  k.frames.put(frame)
  return locked ? FAULT_OK : FAULT_RETRY
}

/** A reference of the page that an entry maps, taken while it does; 0: the entry is another one by now. */
function pinMapped(k: Kernel, pmd: number, vpn: number, original: number): number {
  const table = pteOffsetMapLock(k, pmd)
  if (table === 0) return 0
  const same = readPte(k, ptep(k, table, vpn)) === original
  const frame = same ? original >>> PTE_FRAME_SHIFT : 0
  if (same) k.frames.get(frame)
  pteUnmapUnlock(k, table)
  return frame
}

/** Raises the rights of a shared page's entry. Nobody need be told: a TLB that does not know yet faults and finds out. */
function allowWrite(k: Kernel, pmd: number, vpn: number, original: number): number {
  const table = pteOffsetMapLock(k, pmd)
  if (table === 0) return FAULT_OK
  // Compare and swap although we hold the lock: the hardware sets its bits without it.
  changePte(k, ptep(k, table, vpn), original, original | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY)
  pteUnmapUnlock(k, table)
  return FAULT_OK
}

/** Has the page written to the disk some day. What has no disk has its entries' dirty bits only. */
function markDirty(k: Kernel, vma: number, frame: number): void {
  if (!isFile(k, Atomics.load(k.w, vma + VMA.object))) return
  checkClean(k, frame)
  Atomics.or(k.w, k.frames.at(frame) + FRAME.flags, PG_DIRTY)
}

/** Maps a locked page of an object where nothing is mapped yet. The entry takes over the reference; false: it did not. */
export function mapPage(k: Kernel, mm: Mm, pmd: number, vpn: number, frame: number, write: boolean): boolean {
  const table = pteOffsetMapLock(k, pmd)
  if (table === 0) return false
  const at = ptep(k, table, vpn)
  const empty = readPte(k, at) === 0
  if (empty) {
    k.frames.addMapping(frame)
    k.countShmem(mm, 1)
    const readable = (frame << PTE_FRAME_SHIFT) | PTE_PRESENT | PTE_ACCESSED
    setPte(k, at, write ? writableEntry(frame) : readable)
  }
  pteUnmapUnlock(k, table)
  return empty
}
