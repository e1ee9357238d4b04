/**
 * Moving pages to other addresses, as the kernel's move_page_tables: entry by entry under the locks of both leaf tables,
 * or whole leaf tables at once where both addresses allow it. The caller holds mmap_lock for write and has locked both
 * VMAs, so no fault and no other mapping operation can come in between. Two kinds still can: the hardware, which walks
 * tables whenever it likes, and whoever comes to the pages by the pages themselves (rmap), with neither lock.
 */
import { bug, pass, passSlow, site } from '../../shm/sites.ts'
import { spinLock, spinUnlock } from '../../sync/spinlock.ts'
import type { Kernel } from '../kernel.ts'
import { TABLE } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { lockRmap, unlockRmap } from '../rmap/rmap-locks.ts'
import { allocPmd, allocPmdEntry, findPmd } from '../table/page-table.ts'
import { clearPte, ptep, setPte } from '../table/pte.ts'
import { shootdown } from '../tlb/shootdown.ts'
import { flushBatchedPending } from '../tlb/unmap-batch.ts'

const FLUSH_LATE = bug('mremap-flush-late')
const NO_RMAP_LOCK = bug('mremap-no-rmap-lock')
const MOVE_TABLE = site('mremap/move-table')
const MOVE_ENTRY = site('mremap/move-entry')
const BOTH_UNLOCKED = site('mremap/unlocked')

export interface Move {
  /** The VMA that the pages leave. */
  readonly vma: number
  readonly from: number
  readonly to: number
  readonly pages: number
  /** A walk from page to VMA could pass the new VMA first and come to the old one too late. */
  readonly needRmapLocks: boolean
}

/** Moves the entries; `mayFail` says that allocations may. Returns how many pages it came past: all, or fewer when memory is exhausted. */
export function movePageTables(k: Kernel, mm: Mm, move: Move, mayFail: boolean): number {
  const { from, to, pages } = move
  for (let done = 0; done < pages; ) {
    // Between two tables, as the kernel: a move may be long, and interrupts are not off.
    k.cpu.poll()
    const extent = Math.min(pages - done, restOfTable(k, from + done), restOfTable(k, to + done))
    const source = findPmd(k, mm, from + done)
    if (source !== 0 && Atomics.load(k.w, source) !== 0 && !moveExtent(k, mm, move, source, done, extent, mayFail))
      return done
    done += extent
  }
  return pages
}

function restOfTable(k: Kernel, vpn: number): number {
  return k.tableMask + 1 - (vpn & k.tableMask)
}

/** False: no memory, and nothing of the extent was moved. */
function moveExtent(
  k: Kernel,
  mm: Mm,
  move: Move,
  source: number,
  done: number,
  extent: number,
  mayFail: boolean,
): boolean {
  const to = move.to + done
  if (extent === k.tableMask + 1) {
    const target = allocPmdEntry(k, mm, to)
    if (target === 0) return false
    if (moveWholeTable(k, mm, move, source, target, move.from + done)) return true
  }
  const present = findPmd(k, mm, to)
  const exists = present !== 0 && Atomics.load(k.w, present) !== 0
  const target = exists ? present : mayFail && k.shouldFail() ? 0 : allocPmd(k, mm, to)
  if (target === 0) return false
  moveEntries(k, mm, move, source, target, done, extent)
  return true
}

/**
 * Hangs the leaf table in at its new place. Its lock goes with it, and whoever has come to it by a page holds that lock
 * and believes in the old address: so the ways from pages to this VMA are closed meanwhile. False: the new place has a
 * table of its own.
 */
function moveWholeTable(k: Kernel, mm: Mm, move: Move, source: number, target: number, from: number): boolean {
  const { w } = k
  if (!NO_RMAP_LOCK) lockRmap(k, move.vma)
  spinLock(k.cpu, mm.pageTableLock)
  const free = Atomics.load(w, target) === 0
  if (free) {
    const table = Atomics.exchange(w, source, 0)
    passSlow(MOVE_TABLE, from, table)
    Atomics.store(w, target, table, 'release')
    shootdown(k, mm, from, from + k.tableMask + 1)
  }
  spinUnlock(k.cpu, mm.pageTableLock)
  if (!NO_RMAP_LOCK) unlockRmap(k, move.vma)
  return free
}

function moveEntries(
  k: Kernel,
  mm: Mm,
  move: Move,
  source: number,
  target: number,
  done: number,
  extent: number,
): void {
  const from = move.from + done
  const to = move.to + done
  if (move.needRmapLocks) lockRmap(k, move.vma)
  const old = Atomics.load(k.w, source)
  const fresh = Atomics.load(k.w, target)
  lockBoth(k, old, fresh)
  flushBatchedPending(k, mm)
  let moved = false
  for (let n = 0; n < extent; n++) {
    const pte = clearPte(k, ptep(k, old, from + n))
    if (pte === 0) continue
    pass(MOVE_ENTRY, from + n, to + n)
    setPte(k, ptep(k, fresh, to + n), pte)
    moved = true
  }
  // Before the locks are let go of: afterwards anybody may take the page away at its new address, flush that, and free
  // it, while a TLB still has it under the old one.
  if (moved && !FLUSH_LATE) shootdown(k, mm, from, from + extent)
  unlockBoth(k, old, fresh)
  if (move.needRmapLocks) unlockRmap(k, move.vma)
  passSlow(BOTH_UNLOCKED, from, to)
  if (moved && FLUSH_LATE) k.gather.addChange()
}

/** In the order of their addresses: two moves may come across the same two tables from different ends. */
function lockBoth(k: Kernel, a: number, b: number): void {
  // Neither table can be unlinked while its VMA is ours.
  spinLock(k.cpu, Math.min(a, b) + TABLE.ptl)
  if (a !== b) spinLock(k.cpu, Math.max(a, b) + TABLE.ptl)
}

function unlockBoth(k: Kernel, a: number, b: number): void {
  if (a !== b) spinUnlock(k.cpu, Math.max(a, b) + TABLE.ptl)
  spinUnlock(k.cpu, Math.min(a, b) + TABLE.ptl)
}
