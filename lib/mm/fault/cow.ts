/**
 * Copy on write: a write to a private page that may not be written to. Either the page is this address space's alone,
 * and the entry gets the right to write; or the page is copied and the copy put in its place.
 *
 * Which of the two is the third answer that Linux has given. PG_anon_exclusive says that one address space alone maps
 * the page; fork clears it, and then counts decide: one reference, after those that only batch work for later were let
 * go, means that nobody else is left. Map counts alone miss who holds a page without mapping it; reference counts alone
 * copy a page away from under a device that writes to it.
 */
import { bug, pass, passSlow, site } from '../../shm/sites.ts'
import type { Kernel } from '../kernel.ts'
import { FRAME, PAGE_LOG, PG_ANON_EXCLUSIVE, PTE_FRAME_SHIFT, VMA, ZERO_FRAME } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { trylockPage, unlockPage } from '../page/page-flags.ts'
import { pteOffsetMapLock, pteUnmapUnlock } from '../table/page-table.ts'
import { changePte, clearPte, ptep, readPte, setPte } from '../table/pte.ts'
import { shootdown } from '../tlb/shootdown.ts'
import { entryFor } from './entries.ts'
import { FAULT_OK, FAULT_OOM, UNSHARE } from './fault-codes.ts'

const REUSE_BY_MAPCOUNT = bug('cow-reuse-by-mapcount')
const IGNORE_EXCLUSIVE = bug('cow-ignores-exclusive')
const COULD_UPGRADE = site('fault/reuse')
const SHARED_PAGE = site('cow/shared-page')
const REPLACE = site('cow/replace')
const LOST_RACE = site('cow/pte-changed')

/**
 * A present entry of a private mapping is written to and may not be, or its page is wanted for this address space alone;
 * the VMA has its anon_vma.
 */
export function faultCopyOnWrite(
  k: Kernel,
  mm: Mm,
  vma: number,
  pmd: number,
  vpn: number,
  original: number,
  flags: number,
): number {
  const frame = original >>> PTE_FRAME_SHIFT
  if (frame === ZERO_FRAME) return copyPage(k, mm, vma, pmd, vpn, original, flags)
  const table = pteOffsetMapLock(k, pmd)
  if (table === 0) return FAULT_OK
  const at = ptep(k, table, vpn)
  if (readPte(k, at) !== original) {
    pass(LOST_RACE, vpn, original)
    pteUnmapUnlock(k, table)
    return FAULT_OK
  }
  // Whose page it is can be told only now that the entry is known to map it.
  if (k.frames.isAnon(frame) && isOurs(k, vma, frame)) {
    pass(COULD_UPGRADE, vpn, original)
    // Nobody need be told: a TLB that does not know yet faults and finds out.
    if ((flags & UNSHARE) === 0) changePte(k, at, original, entryFor(frame, flags))
    pteUnmapUnlock(k, table)
    return FAULT_OK
  }
  // Referenced while the lock keeps it mapped: afterwards the page may go at any moment, and we are to read it.
  k.frames.get(frame)
  pteUnmapUnlock(k, table)
  const result = copyPage(k, mm, vma, pmd, vpn, original, flags)
  k.frames.put(frame)
  return result
}

/** Whether the page may be written to in place. Its entry is locked. */
function isOurs(k: Kernel, vma: number, frame: number): boolean {
  const { frames, w } = k
  const at = frames.at(frame)
  if (Atomics.load(w, at + FRAME.flags) & PG_ANON_EXCLUSIVE && !IGNORE_EXCLUSIVE) return true
  passSlow(SHARED_PAGE, vma, frame)
  if (frames.references(frame) > 1) frames.drainLru()
  if (!isAlone(k, frame)) return false
  // The page lock keeps away whoever finds the page by other ways and changes whose it is.
  if (!trylockPage(k, frame)) return false
  const alone = isAlone(k, frame)
  if (alone) {
    frames.moveAnon(frame, Atomics.load(w, vma + VMA.anon_vma))
    Atomics.or(w, at + FRAME.flags, PG_ANON_EXCLUSIVE)
  }
  unlockPage(k, frame)
  return alone
}

/** Whether the entry is all that refers to the page. */
function isAlone({ frames, w }: Kernel, frame: number): boolean {
  if (REUSE_BY_MAPCOUNT) return Atomics.load(w, frames.at(frame) + FRAME.mapcount) === 1
  return frames.references(frame) === 1
}

/**
 * Puts a copy in the place of the page. Other CPUs may have the old page in their TLBs and would go on reading it, so
 * the entry is cleared and flushed before the new one is set, all under the page table lock: whoever spins for it takes
 * interrupts, so the flush gets through.
 */
function copyPage(k: Kernel, mm: Mm, vma: number, pmd: number, vpn: number, original: number, flags: number): number {
  const old = original >>> PTE_FRAME_SHIFT
  const fresh = k.frames.alloc()
  if (fresh === 0) return FAULT_OOM
  if (old !== ZERO_FRAME) k.frames.copy(old, fresh)
  const table = pteOffsetMapLock(k, pmd)
  const at = table === 0 ? 0 : ptep(k, table, vpn)
  const won = at !== 0 && readPte(k, at) === original
  if (won) {
    const index = vpn - Atomics.load(k.w, vma + VMA.vm_start) + Atomics.load(k.w, vma + VMA.vm_pgoff)
    const entry = entryFor(fresh, flags)
    replacePage(k, mm, vpn, at, original, entry, Atomics.load(k.w, vma + VMA.anon_vma), index)
  }
  if (table !== 0) pteUnmapUnlock(k, table)
  if (!won) {
    pass(LOST_RACE, vpn, original)
    k.frames.put(fresh)
  } else if (old !== ZERO_FRAME) k.frames.put(old)
  return FAULT_OK
}

/** Under the page table lock: `entry`, of a new page of `anonVma` at `index`, takes the place of `original`. */
export function replacePage(
  k: Kernel,
  mm: Mm,
  vpn: number,
  at: number,
  original: number,
  entry: number,
  anonVma: number,
  index: number,
): void {
  const old = original >>> PTE_FRAME_SHIFT
  const fresh = entry >>> PTE_FRAME_SHIFT
  const time = (Atomics.add(k.w, mm.gen, 1) + 1) | 0
  clearPte(k, at)
  passSlow(REPLACE, vpn, fresh)
  shootdown(k, mm, vpn, vpn + 1)
  k.frames.firstMappingOf(fresh, anonVma, index)
  if (old === ZERO_FRAME) k.countAnon(mm, 1)
  else {
    if (!k.frames.isAnon(old)) {
      k.countAnon(mm, 1)
      k.countShmem(mm, -1)
    }
    k.frames.dropMapping(old)
  }
  Atomics.store(k.w, mm.log(vpn, PAGE_LOG.revoked), time)
  setPte(k, at, entry)
}
