/**
 * Faults on MAP_SHARED memory: the page belongs to an object and may be mapped by several address spaces, each under
 * its own page table lock. PG_locked is what they have in common.
 */
import { FAULT_OK, FAULT_OOM, FAULT_RETRY, writableEntry } from './fault.ts'
import type { Kernel, Mm } from './kernel.ts'
import { PTE_ACCESSED, PTE_FRAME_SHIFT, PTE_PRESENT } from './layout.ts'
import { lockedPageForFault, NO_MEMORY, WAITED } from './page-cache.ts'
import { unlockPage } from './page-flags.ts'
import { pteOffsetMapLock, pteUnmapUnlock } from './page-table.ts'
import { ptep, readPte, setPte } from './pte.ts'

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
  if (!mapPage(k, mm, pmd, vpn, frame, write)) k.frames.put(frame)
  unlockPage(k, frame)
  return FAULT_OK
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
