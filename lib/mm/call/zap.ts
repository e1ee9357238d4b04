/** Taking pages out of the page tables, and taking rights away from them. */
import { bug, pass, site } from '../../shm/sites.ts'
import type { Kernel } from '../kernel.ts'
import { PTE_DIRTY, PTE_FRAME_SHIFT, PTE_PRESENT, PTE_WRITE, ZERO_FRAME } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { transferBits } from '../page/page-flags.ts'
import { findPmd, pteOffsetMapLock, pteUnmapUnlock, walkedIntoFreedTable } from '../table/page-table.ts'
import { changePte, clearPte, ptep, readPte } from '../table/pte.ts'
import type { Gather } from '../tlb/gather.ts'
import { flushBatchedPending } from '../tlb/unmap-batch.ts'

const RESCHED = site('zap/resched')

const DIRTY_FLUSH_LATE = bug('dirty-flush-late')
const DIRTY_UNLOCKED = site('zap/dirty-unlocked')

/** Drops the entries of [start, end), which lies in one VMA. The gather owns the frames' references afterwards. */
export function zapRange(k: Kernel, mm: Mm, gather: Gather, start: number, end: number, object: boolean): void {
  let pmd = 0
  for (let vpn = start; vpn < end; ) {
    const tableEnd = Math.min(end, (vpn | k.tableMask) + 1)
    if (pmd === 0) pmd = findPmd(k, mm, vpn)
    const table = pmd === 0 ? 0 : pteOffsetMapLock(k, pmd)
    if (table === 0) vpn = tableEnd
    else {
      flushBatchedPending(k, mm)
      vpn = object
        ? zapObjectTable(k, mm, gather, table, vpn, tableEnd)
        : zapAnonTable(k, mm, gather, table, vpn, tableEnd)
    }
    if (vpn < end && (vpn & k.tableMask) === 0) pmd = nextPmd(k, pmd, vpn)
  }
}

/** The entry beside `pmd`, for the table that begins at `vpn`; 0: it lies in another table, or nobody knows. */
function nextPmd(k: Kernel, pmd: number, vpn: number): number {
  if (pmd === 0 || ((vpn >>> k.tableBits) & k.tableMask) === 0) return 0
  // Between two tables the kernel lets others run, and goes on where it stood: tables do not go while VMAs need them.
  pass(RESCHED, vpn, pmd)
  return pmd + 1
}

/** Zaps entries of one leaf table, which is locked; unlocks it. Returns where to go on: a full gather stops early. */
function zapAnonTable(k: Kernel, mm: Mm, gather: Gather, table: number, start: number, end: number): number {
  let dropped = 0
  let full = false
  let vpn = start
  for (; vpn < end && !full; vpn++) {
    const pte = clearPte(k, ptep(k, table, vpn))
    if (pte === 0) continue
    if ((pte & PTE_PRESENT) === 0) walkedIntoFreedTable(vpn, 0)
    const frame = pte >>> PTE_FRAME_SHIFT
    if (frame === ZERO_FRAME) {
      gather.addChange()
      continue
    }
    k.frames.dropMapping(frame)
    dropped++
    full = gather.addFrame(frame)
  }
  k.countAnon(mm, -dropped)
  pteUnmapUnlock(k, table)
  if (full) gather.flush()
  return vpn
}

/** As `zapAnonTable` for a VMA that maps an object: pages of it, and copies of them that are private memory. */
function zapObjectTable(k: Kernel, mm: Mm, gather: Gather, table: number, start: number, end: number): number {
  let dropped = 0
  let copies = 0
  let full = false
  let dirty = false
  let vpn = start
  for (; vpn < end && !full; vpn++) {
    const pte = clearPte(k, ptep(k, table, vpn))
    if (pte === 0) continue
    if ((pte & PTE_PRESENT) === 0) walkedIntoFreedTable(vpn, 0)
    const frame = pte >>> PTE_FRAME_SHIFT
    if (k.frames.isAnon(frame)) copies++
    else {
      transferBits(k, frame, pte)
      if (pte & PTE_DIRTY) dirty = true
      dropped++
    }
    k.frames.dropMapping(frame)
    full = gather.addFrame(frame)
  }
  k.countShmem(mm, -dropped)
  k.countAnon(mm, -copies)
  // A CPU that still has the dirty translation may write. Nobody may take the page for clean before that is over, and
  // whoever wants to look at the entry needs this lock.
  if (dirty && !DIRTY_FLUSH_LATE) gather.flushTlb()
  pteUnmapUnlock(k, table)
  if (dirty) pass(DIRTY_UNLOCKED, start, vpn)
  if (full) gather.flush()
  return vpn
}

/** Takes the right to write away from the present entries of [start, end). */
export function writeProtectRange(k: Kernel, mm: Mm, gather: Gather, start: number, end: number): void {
  for (let vpn = start; vpn < end; ) {
    const tableEnd = Math.min(end, (vpn | k.tableMask) + 1)
    const pmd = findPmd(k, mm, vpn)
    const table = pmd === 0 ? 0 : pteOffsetMapLock(k, pmd)
    if (table !== 0) {
      // Entries that we find gone, or read-only already, may be in use still: reclaim flushes later, and we promise now.
      flushBatchedPending(k, mm)
      for (; vpn < tableEnd; vpn++) writeProtect(k, gather, ptep(k, table, vpn))
      pteUnmapUnlock(k, table)
    }
    vpn = tableEnd
  }
}

function writeProtect(k: Kernel, gather: Gather, at: number): void {
  for (;;) {
    const pte = readPte(k, at)
    if ((pte & PTE_PRESENT) === 0 || (pte & PTE_WRITE) === 0) return
    // A bit that the hardware sets between load and swap makes the swap fail, and is not lost.
    if (!changePte(k, at, pte, pte & ~PTE_WRITE)) continue
    gather.addChange()
    return
  }
}
