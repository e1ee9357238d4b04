/**
 * What somebody wants who takes a page out of an address space to use it without its page tables: the kernel's FOLL_
 * flags, and what they mean for the reference that is taken and for pages that are still shared.
 *
 * FOLL_GET takes one reference: for who looks at the page, or writes to it and is through. FOLL_PIN takes one with a
 * weight: for who hands the page to a device. A page that is pinned must stay the page of its address space, so it must
 * be that address space's own before it is pinned, and copy on write must leave it alone afterwards.
 */
import { bug, pass, site } from '../../shm/sites.ts'
import type { Kernel } from '../kernel.ts'
import { FRAME, PG_ANON_EXCLUSIVE, VM_READ, VM_SHARED, VM_WRITE, ZERO_FRAME } from '../layout.ts'
import { GUP_PIN_COUNTING_BIAS } from '../page/frames.ts'
import { setPageDirty } from '../page/page-flags.ts'

/** The page is going to be written to. */
export const FOLL_WRITE = 1
/** Even where the mapping is read-only, if it is private: what a debugger does. */
export const FOLL_FORCE = 2
export const FOLL_GET = 4
export const FOLL_PIN = 8
/** The pin stays for so long that it has to see later changes of a page that is only read. */
export const FOLL_LONGTERM = 16

/** Where the VMA is not known: its rights are what the entry says. */
export const ANY_VMA = -1

const PIN_SHARED = bug('gup-no-unshare')
const SHARED_PAGE = site('gup/shared-page')

/** Takes the reference that was asked for. The zero page stays anyway and is not counted. False: it cannot be had. */
export function tryGrab(k: Kernel, frame: number, foll: number): boolean {
  return frame === ZERO_FRAME || k.frames.tryGrab(frame, foll & FOLL_PIN ? GUP_PIN_COUNTING_BIAS : 1)
}

/** Gives it back; whoever has written to the page says so with `dirty`. No page table may be locked. */
export function release(k: Kernel, frame: number, foll: number, dirty: boolean): void {
  if (frame === ZERO_FRAME) return
  if (dirty) setPageDirty(k, frame)
  ungrab(k, frame, foll)
}

/** As `release`, of a page that was not used. */
export function ungrab(k: Kernel, frame: number, foll: number): void {
  if (frame === ZERO_FRAME) return
  if (foll & FOLL_PIN) k.frames.unpin(frame)
  else k.frames.put(frame)
}

/** Whether the VMA allows it. A private mapping may be written to by force: the write makes a copy. */
export function mayFollow(vmaFlags: number, foll: number): boolean {
  if ((vmaFlags & VM_READ) === 0) return false
  if ((foll & FOLL_WRITE) === 0 || vmaFlags & VM_WRITE) return true
  return (foll & FOLL_FORCE) !== 0 && (vmaFlags & VM_SHARED) === 0
}

/**
 * Whether a page may be written to through an entry that does not allow it: by force, in a private mapping that is
 * read-only, and only if the copy has been made. That it has is said by the page, not by anything remembered.
 */
export function mayForceWrite(k: Kernel, frame: number, vmaFlags: number, foll: number): boolean {
  if ((foll & FOLL_FORCE) === 0 || vmaFlags & (VM_WRITE | VM_SHARED) || frame === ZERO_FRAME) return false
  return k.frames.isAnon(frame) && isExclusive(k, frame)
}

/**
 * Whether a page that is pinned to be read, behind an entry that forbids to write, needs a copy of its own first: the
 * next write would copy it, and leave the pin with the old page.
 */
export function mustUnshare(k: Kernel, frame: number, vmaFlags: number, foll: number): boolean {
  if ((foll & (FOLL_WRITE | FOLL_PIN)) !== FOLL_PIN || !isShared(k, frame, vmaFlags, foll)) return false
  pass(SHARED_PAGE, frame, foll)
  return !PIN_SHARED
}

function isShared(k: Kernel, frame: number, vmaFlags: number, foll: number): boolean {
  if (frame !== ZERO_FRAME && k.frames.isAnon(frame)) return !isExclusive(k, frame)
  return (foll & FOLL_LONGTERM) !== 0 && (vmaFlags === ANY_VMA || (vmaFlags & VM_SHARED) === 0)
}

function isExclusive(k: Kernel, frame: number): boolean {
  return (Atomics.load(k.w, k.frames.at(frame) + FRAME.flags) & PG_ANON_EXCLUSIVE) !== 0
}
