/**
 * The word of a page's flags, one bit of which is a lock that one sleeps for. Everybody changes bits of it at any time,
 * whether the page is locked or not, so every change is atomic.
 *
 * A sleeper sets PG_WAITERS and tries the lock once more; who unlocks clears PG_LOCKED and learns from the same operation
 * whether anybody has announced himself. What sleepers sleep on is another word, that changes with every wake-up.
 */
import { violated } from '../check/oracle.ts'
import { struct } from '../shm/layout.ts'
import { bug, pass, site } from '../shm/sites.ts'
import { clearBit, setBit, testAndSetBitLock } from './bitops.ts'

export const PG_LOCKED = 0
export const PG_WAITERS = 1
export const PG_DIRTY = 2
export const PG_UPTODATE = 3
export const PG_REFERENCED = 4

export const PAGE_LOCK = struct('page_lock', {
  flags: 'PG_ bits, by number',
  wakes: 'wake-ups so far, modulo 2^32: what waiters sleep on',
})

const LOOKS_FIRST = bug('page-unlock-looks-first')
const UNLOCKING = site('page-lock/unlocking')
const SLEEP = site('page-lock/sleep')

/** Takes PG_LOCKED if it is free; `page` is the base of a PAGE_LOCK. */
export function pageTrylock(w: Int32Array, page: number): boolean {
  return !testAndSetBitLock(w, page + PAGE_LOCK.flags, PG_LOCKED)
}

/** Sleeps until PG_LOCKED is the caller's. */
export function pageLock(w: Int32Array, page: number): void {
  while (!pageTrylock(w, page)) {
    const wakes = Atomics.load(w, page + PAGE_LOCK.wakes)
    setBit(w, page + PAGE_LOCK.flags, PG_WAITERS)
    if (pageTrylock(w, page)) return
    pass(SLEEP, page, wakes)
    Atomics.wait(w, page + PAGE_LOCK.wakes, wakes)
  }
}

/** Violates CNT if the page is not locked. */
export function pageUnlock(w: Int32Array, page: number): void {
  const flags = page + PAGE_LOCK.flags
  const seen = Atomics.load(w, flags)
  pass(UNLOCKING, page, seen)
  const before = Atomics.and(w, flags, ~(1 << PG_LOCKED))
  if ((before & (1 << PG_LOCKED)) === 0) violated('CNT', `page ${page} lost PG_LOCKED while it was held: ${before}`)
  if (((LOOKS_FIRST ? seen : before) & (1 << PG_WAITERS)) === 0) return
  // First the bit: a sleeper that sets it after this either finds the lock free or sleeps on the new number.
  clearBit(w, flags, PG_WAITERS)
  Atomics.add(w, page + PAGE_LOCK.wakes, 1)
  Atomics.notify(w, page + PAGE_LOCK.wakes)
}
