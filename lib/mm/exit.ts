/** The end of an address space: whoever stops using it last takes its mappings down. */
import { violated } from '../check/oracle.ts'
import { passSlow, site } from '../shm/sites.ts'
import type { Kernel, Mm } from './kernel.ts'
import { VMA } from './layout.ts'
import { mmdrop } from './mm-life.ts'
import { freePgtables } from './page-table.ts'
import { unlinkFromPages } from './rmap-locks.ts'
import { eachRange, storeRange } from './vma-store.ts'
import { zapRange } from './zap.ts'

const EXIT = site('mm/exit')

/** Stops being a user; the last one takes the address space down. No lock may be held. */
export function mmput(k: Kernel, mm: Mm): void {
  const before = Atomics.sub(k.w, mm.users, 1)
  if (before <= 0) violated('REF', `mm ${mm.tag - 1} lost a user that it did not have`)
  if (before > 1) return
  exitMmap(k, mm)
  mmdrop(k, mm)
}

/**
 * Takes all mappings down; nobody uses the address space any more. Others may still come to it from outside, by a page
 * that it maps or by a VMA that was one of its own, and lock what they need.
 */
export function exitMmap(k: Kernel, mm: Mm): void {
  const w = k.w
  const vmas: number[] = []
  k.policy.readLock(mm)
  eachRange(k, mm, (_start, _end, vma) => vmas.push(vma))
  const first = vmas.length === 0 ? 0 : Atomics.load(w, vmas[0] + VMA.vm_start)
  const last = vmas.length === 0 ? 0 : Atomics.load(w, vmas[vmas.length - 1] + VMA.vm_end)
  passSlow(EXIT, mm.tag, vmas.length)
  k.gather.begin(mm, first, last, true)
  for (const vma of vmas) {
    const object = Atomics.load(w, vma + VMA.object) !== 0
    zapRange(k, mm, k.gather, Atomics.load(w, vma + VMA.vm_start), Atomics.load(w, vma + VMA.vm_end), object)
  }
  k.policy.readUnlock(mm)
  k.policy.writeLock(mm)
  for (const vma of vmas) {
    k.policy.startWrite(mm, vma)
    unlinkFromPages(k, vma)
  }
  freePgtables(k, mm, k.gather, first, last, 0, Number.MAX_SAFE_INTEGER)
  k.gather.finish()
  if (vmas.length > 0) storeRange(k, mm, first, last, 0)
  Atomics.store(w, mm.mapCount, 0)
  for (const vma of vmas) {
    k.policy.detach(mm, vma)
    k.policy.free(vma)
  }
  k.policy.writeUnlock(mm)
  k.quiesce()
}
