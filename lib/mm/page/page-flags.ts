/**
 * Page flags: one word per frame that several locks' owners write at once — the page lock's holder, and the zappers of
 * every address space that maps the frame, each under its own page table lock. So every change is a read-modify-write.
 */
import { violated } from '../../check/oracle.ts'
import { bug, pass, site } from '../../shm/sites.ts'
import type { Kernel } from '../kernel.ts'
import { FRAME, PG_DIRTY, PG_LOCKED, PG_REFERENCED, PTE_ACCESSED, PTE_DIRTY } from '../layout.ts'

const NON_ATOMIC = bug('page-flag-nonatomic')
const SET_FLAG = site('page-flags/set')

/** Takes PG_locked if it is free. */
export function trylockPage(k: Kernel, frame: number): boolean {
  return (Atomics.or(k.w, k.frames.at(frame) + FRAME.flags, PG_LOCKED, 'acquire') & PG_LOCKED) === 0
}

/** Takes PG_locked, spinning with interrupts on. */
export function lockPage(k: Kernel, frame: number): void {
  for (let n = 0; !trylockPage(k, frame); n++) k.cpu.relax(n)
}

/** Waits until PG_locked was seen free; takes nothing. */
export function waitOnPageLocked(k: Kernel, frame: number): void {
  const flags = k.frames.at(frame) + FRAME.flags
  for (let n = 0; Atomics.load(k.w, flags) & PG_LOCKED; n++) k.cpu.relax(n)
}

export function unlockPage(k: Kernel, frame: number): void {
  const before = Atomics.and(k.w, k.frames.at(frame) + FRAME.flags, ~PG_LOCKED, 'release')
  if ((before & PG_LOCKED) === 0)
    violated('CNT', `frame[${frame}].flags lost PG_locked while its holder still had it: ${before}`)
}

/**
 * Marks a page dirty that was written to by other ways than an entry, which the hardware would mark. The page lock keeps
 * it apart from whoever takes the mark away to write the page to the disk. No page table may be locked.
 */
export function setPageDirty(k: Kernel, frame: number): void {
  lockPage(k, frame)
  Atomics.or(k.w, k.frames.at(frame) + FRAME.flags, PG_DIRTY, 'relaxed')
  unlockPage(k, frame)
}

/** Moves the hardware's accessed and dirty bits of a dropped entry into the frame's flags. */
export function transferBits(k: Kernel, frame: number, pte: number): void {
  const bits = (pte & PTE_DIRTY ? PG_DIRTY : 0) | (pte & PTE_ACCESSED ? PG_REFERENCED : 0)
  if (bits === 0) return
  const flags = k.frames.at(frame) + FRAME.flags
  pass(SET_FLAG, frame, bits)
  if (NON_ATOMIC) {
    const seen = Atomics.load(k.w, flags)
    Atomics.store(k.w, flags, seen | bits)
    return
  }
  Atomics.or(k.w, flags, bits, 'relaxed')
}
