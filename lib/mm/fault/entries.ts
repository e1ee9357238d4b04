/** The page table entries that faults install. */
import { PTE_ACCESSED, PTE_DIRTY, PTE_FRAME_SHIFT, PTE_PRESENT, PTE_WRITE } from '../layout.ts'
import { FORCED, UNSHARE } from './fault-codes.ts'

/** Entry of a page that is being written to right now: the hardware would set accessed and dirty anyway. */
export function writableEntry(frame: number): number {
  return (frame << PTE_FRAME_SHIFT) | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY
}

/** As `writableEntry`, of a page that is this address space's own, without rights that the VMA does not give. */
export function entryFor(frame: number, flags: number): number {
  if (flags & UNSHARE) return (frame << PTE_FRAME_SHIFT) | PTE_PRESENT | PTE_ACCESSED
  return flags & FORCED ? writableEntry(frame) & ~PTE_WRITE : writableEntry(frame)
}
