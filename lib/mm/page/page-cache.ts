/**
 * The pages of an object, each in a slot of its own: what MAP_SHARED mappings of it share, and what MAP_PRIVATE ones
 * read until they have a copy. Looked up without a lock: found, then referenced, then looked at again, since the frame
 * may be somebody else's by the time it is referenced.
 */
import { pass, passSlow, site } from '../../shm/sites.ts'
import { ALLOW_RETRY } from '../fault/fault-codes.ts'
import type { Kernel } from '../kernel.ts'
import { FRAME, OBJECT, VMA } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { objectBase } from '../rmap/i-mmap.ts'
import { diskOf, readDisk } from './disk.ts'
import { lockPage, trylockPage, unlockPage, waitOnPageLocked } from './page-flags.ts'

const LOST_SLOT = site('page-cache/lost-slot')
const LOOKUP = site('page-cache/lookup')
const PAGE_LOCKED = site('page-cache/page-locked')
const GONE = site('page-cache/gone')

/** Page of the object that a VMA with an object has at `vpn`. */
export function pageAt(k: Kernel, vma: number, vpn: number): number {
  return vpn - Atomics.load(k.w, vma + VMA.vm_start) + Atomics.load(k.w, vma + VMA.vm_pgoff)
}

function slotOf(k: Kernel, object: number, page: number): number {
  return objectBase(k, object) + OBJECT.size + 1 + page
}

/** The page of an object, given as number + 1, with a reference for the caller; 0: it has none. */
export function findPage(k: Kernel, object: number, page: number): number {
  const slot = slotOf(k, object, page)
  for (let n = 0; ; n++) {
    const frame = Atomics.load(k.w, slot)
    if (frame === 0) return 0
    pass(LOOKUP, object, page)
    if (k.frames.tryGet(frame)) {
      if (Atomics.load(k.w, slot) === frame) return frame
      k.frames.put(frame)
    }
    // It is being taken out of the slot at this moment.
    k.cpu.relax(n)
  }
}

/** As `findPage`, making the page if there is none; 0: out of memory. A file's page is filled under its lock. */
function findOrAddPage(k: Kernel, object: number, page: number): number {
  for (;;) {
    const present = findPage(k, object, page)
    if (present !== 0) return present
    const fresh = k.frames.alloc()
    if (fresh === 0) return 0
    k.frames.toObject(fresh, object, page)
    k.frames.get(fresh)
    const disk = diskOf(k, object, page)
    // Locked before it can be found: whoever finds it waits until it is filled.
    if (disk !== 0) lockPage(k, fresh)
    // Two faults of different address spaces have no lock in common here: one of them wins.
    if (Atomics.compareExchange(k.w, slotOf(k, object, page), 0, fresh) === 0) {
      if (disk !== 0) {
        readDisk(k, fresh, disk)
        unlockPage(k, fresh)
      }
      return fresh
    }
    pass(LOST_SLOT, object, page)
    if (disk !== 0) unlockPage(k, fresh)
    k.frames.put(fresh)
    k.frames.put(fresh)
  }
}

/** Takes a locked page that nobody can refer to any more out of the cache. */
export function clearSlot(k: Kernel, object: number, page: number, frame: number): void {
  Atomics.store(k.w, k.frames.at(frame) + FRAME.mapping, 0)
  // Whoever looked the page up and could not refer to it looks again until this.
  Atomics.store(k.w, slotOf(k, object, page), 0)
}

/** Pages of an object, given as number + 1. */
export function objectPages(k: Kernel, object: number): number {
  return Atomics.load(k.w, objectBase(k, object) + OBJECT.size)
}

/** No frame was to be had. */
export const NO_MEMORY = 0
/** The page was locked by somebody else; what the fault held is gone, and the page was waited for. */
export const WAITED = -1

/** The page of the object behind a VMA, made if need be, referenced and locked; or NO_MEMORY, or WAITED. */
export function lockedPageForFault(k: Kernel, mm: Mm, vma: number, vpn: number, flags: number): number {
  const object = Atomics.load(k.w, vma + VMA.object)
  const page = pageAt(k, vma, vpn)
  for (;;) {
    const frame = findOrAddPage(k, object, page)
    if (frame === 0) return NO_MEMORY
    if (!lockPageOrRetry(k, mm, vma, frame, flags)) {
      k.frames.put(frame)
      return WAITED
    }
    if (belongsTo(k, frame, object)) return frame
    // Taken out of the object between the look-up and the lock.
    pass(GONE, object, page)
    unlockPage(k, frame)
    k.frames.put(frame)
  }
}

/** Whether a page, referenced and locked, still is one of the object. */
export function belongsTo(k: Kernel, frame: number, object: number): boolean {
  return Atomics.load(k.w, k.frames.at(frame) + FRAME.mapping) === -object
}

/** Locks a page that the caller has a reference of. False: the fault's lock is gone, and the page was waited for. */
export function lockPageOrRetry(k: Kernel, mm: Mm, vma: number, frame: number, flags: number): boolean {
  if (trylockPage(k, frame)) return true
  passSlow(PAGE_LOCKED, frame, flags)
  if (flags & ALLOW_RETRY) {
    // Sleeping on a page with mmap_lock held would stop everybody else: let go of the lock, wait, start again.
    k.policy.endFault(mm, vma, flags)
    waitOnPageLocked(k, frame)
    return false
  }
  lockPage(k, frame)
  return true
}
