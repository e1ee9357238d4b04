/**
 * Faults on MAP_SHARED memory: the page belongs to an object and may be mapped by several address spaces, each under
 * its own page table lock. PG_locked is what they have in common.
 */
import { pass, passSlow, site } from '../shm/sites.ts'
import { ALLOW_RETRY, FAULT_OK, FAULT_OOM, FAULT_RETRY, writableEntry } from './fault.ts'
import type { Kernel, Mm } from './kernel.ts'
import { OBJECT, PTE_ACCESSED, PTE_FRAME_SHIFT, PTE_PRESENT, VMA } from './layout.ts'
import { lockPage, trylockPage, unlockPage, waitOnPageLocked } from './page-flags.ts'
import { pteOffsetMapLock, pteUnmapUnlock } from './page-table.ts'
import { ptep, readPte, setPte } from './pte.ts'

const LOST_SLOT = site('shared-fault/lost-slot')
const PAGE_LOCKED = site('shared-fault/page-locked')

export function faultShared(
  k: Kernel,
  mm: Mm,
  vma: number,
  pmd: number,
  vpn: number,
  write: boolean,
  flags: number,
): number {
  const frame = findOrAddPage(k, vma, vpn)
  if (frame === 0) return FAULT_OOM
  if (!trylockPage(k, frame)) {
    passSlow(PAGE_LOCKED, frame, flags)
    if (flags & ALLOW_RETRY) {
      // Sleeping on a page with mmap_lock held would stop everybody else: let go of the lock, wait, start again.
      k.policy.endFault(mm, vma, flags)
      waitOnPageLocked(k, frame)
      return FAULT_RETRY
    }
    lockPage(k, frame)
  }
  const table = pteOffsetMapLock(k, pmd)
  if (table !== 0) {
    const at = ptep(k, table, vpn)
    if (readPte(k, at) === 0) {
      k.frames.get(frame)
      k.frames.addMapping(frame)
      k.countShmem(mm, 1)
      const readable = (frame << PTE_FRAME_SHIFT) | PTE_PRESENT | PTE_ACCESSED
      setPte(k, at, write ? writableEntry(frame) : readable)
    }
    pteUnmapUnlock(k, table)
  }
  unlockPage(k, frame)
  return FAULT_OK
}

/** The object's frame for the page, made if there is none; 0: out of memory. The object's reference keeps it. */
function findOrAddPage(k: Kernel, vma: number, vpn: number): number {
  const w = k.w
  const number = Atomics.load(w, vma + VMA.object)
  const object = k.image.objects[number - 1]
  const page = vpn - Atomics.load(w, vma + VMA.vm_start) + Atomics.load(w, vma + VMA.vm_pgoff)
  const slot = object.base + OBJECT.size + 1 + page
  const present = Atomics.load(w, slot)
  if (present !== 0) return present
  const fresh = k.frames.alloc()
  if (fresh === 0) return 0
  k.frames.toObject(fresh, number, page)
  // The two address spaces have no lock in common here: one of them wins.
  const winner = Atomics.compareExchange(w, slot, 0, fresh)
  if (winner === 0) return fresh
  pass(LOST_SLOT, winner, fresh)
  k.frames.put(fresh)
  return winner
}
