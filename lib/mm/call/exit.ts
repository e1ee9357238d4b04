/** The end of an address space: whoever stops using it last takes its mappings down. */
import { violated } from '../../check/oracle.ts'
import { bug, passSlow, site } from '../../shm/sites.ts'
import type { Kernel } from '../kernel.ts'
import { MMF_OOM_SKIP, VMA } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { unlinkFromPages } from '../rmap/rmap-locks.ts'
import { freePgtables } from '../table/page-table.ts'
import { eachRange, storeRange } from '../vma/vma-store.ts'
import { mmdrop } from './mm-life.ts'
import { zapRange } from './zap.ts'

const SKIP_LATE = bug('oom-skip-late')
const EXIT = site('mm/exit')
const FREE_TABLES = site('mm/exit-free-tables')

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
 * that it maps or by a VMA that was one of its own, and lock what they need; or to take its pages away, under mmap_lock
 * held for read as we hold it. Page tables are not locked at all in the end: MMF_OOM_SKIP, set before, turns away who
 * comes, and the lock taken for write in between waits for who came earlier. The order of Linux 4.14 to 5.19.
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
  if (!SKIP_LATE) Atomics.or(w, mm.flags, MMF_OOM_SKIP)
  k.policy.writeLock(mm)
  for (const vma of vmas) {
    k.policy.startWrite(mm, vma)
    unlinkFromPages(k, vma)
  }
  k.policy.writeUnlock(mm)
  passSlow(FREE_TABLES, mm.tag, vmas.length)
  freePgtables(k, mm, k.gather, first, last, 0, Number.MAX_SAFE_INTEGER)
  k.gather.finish()
  if (SKIP_LATE) Atomics.or(w, mm.flags, MMF_OOM_SKIP)
  if (vmas.length > 0) storeRange(k, mm, first, last, 0)
  Atomics.store(w, mm.mapCount, 0)
  for (const vma of vmas) {
    k.policy.detach(mm, vma)
    k.policy.free(vma)
  }
  k.quiesce()
}
