/**
 * The life of an address space. `mm_users` counts those who use it, and the last of them takes it down; `mm_count`
 * counts those who only need the struct, the users together as one, and the last of them gives it back. There is a
 * fixed number of them, each with its top page table; which one is in use changes with fork and exit.
 */
import { violated } from '../../check/oracle.ts'
import type { Kernel } from '../kernel.ts'
import { PAGE_LOG } from '../layout.ts'
import type { Mm } from '../mm.ts'

/** Takes an address space into use, empty, with one user; -1 when there is none left. */
export function mmAlloc(k: Kernel): number {
  for (const [id, mm] of k.mms.entries()) {
    if (Atomics.load(k.w, mm.count) !== 0 || Atomics.compareExchange(k.w, mm.count, 0, 1) !== 0) continue
    // Nothing of its last life is said about its pages any more. Nobody is in it yet.
    for (let vpn = 0; vpn < mm.pages; vpn++) {
      Atomics.store(k.w, mm.log(vpn, PAGE_LOG.zap_begun), 0)
      Atomics.store(k.w, mm.log(vpn, PAGE_LOG.zap_ended), 0)
    }
    Atomics.add(k.w, mm.life, 1)
    Atomics.store(k.w, mm.flags, 0)
    Atomics.store(k.w, mm.users, 1)
    return id
  }
  return -1
}

/** Becomes a user, unless there is none: then it is being taken down, or is gone. */
export function mmgetNotZero(k: Kernel, mm: Mm): boolean {
  for (;;) {
    const users = Atomics.load(k.w, mm.users)
    if (users === 0) return false
    if (Atomics.compareExchange(k.w, mm.users, users, users + 1) === users) return true
  }
}

/** Keeps the struct, which the caller knows to be kept already. */
export function mmgrab(k: Kernel, mm: Mm): void {
  if (Atomics.add(k.w, mm.count, 1) <= 0) violated('GEN', `mm ${mm.tag - 1} was referenced after it was freed`)
}

/** As `mmgrab` for who only knows that there was such an address space. False: it is free. */
export function mmgrabNotZero(k: Kernel, mm: Mm): boolean {
  for (;;) {
    const count = Atomics.load(k.w, mm.count)
    if (count === 0) return false
    if (Atomics.compareExchange(k.w, mm.count, count, count + 1) === count) return true
  }
}

/** Lets the struct go: with the last reference it may be another address space in the next moment. */
export function mmdrop(k: Kernel, mm: Mm): void {
  if (Atomics.sub(k.w, mm.count, 1) <= 0) violated('REF', `mm ${mm.tag - 1} was let go by somebody who did not hold it`)
}
