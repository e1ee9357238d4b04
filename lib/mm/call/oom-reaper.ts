/**
 * The OOM reaper: takes the private pages of a process away that was killed and may need long to die. It is not a user of
 * the address space, or it might be the last one, and would have to take it down itself; it keeps the struct only, and
 * comes in under mmap_lock held for read, beside faults and beside the address space's own end.
 *
 * Two flags keep it from doing harm. MMF_UNSTABLE, set before the first page goes: a fault that finds an entry gone must
 * not make a page of zeros in its place. MMF_OOM_SKIP: page tables are about to be freed, stay away; looked at under the
 * lock, which who frees them takes for write in between.
 *
 * Source: our specification; Linux, mm/oom_kill.c, oom_reap_task_mm(), after commit 27ae357fa82b (2018).
 */
import { violated } from '../../check/oracle.ts'
import { passSlow, site } from '../../shm/sites.ts'
import type { Kernel } from '../kernel.ts'
import { MMF_OOM_SKIP, MMF_UNSTABLE, VMA } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { eachRange } from '../vma/vma-store.ts'
import { zapRange } from './zap.ts'

const REAP = site('oom-reaper/reap')
const SKIPPED = site('oom-reaper/skip')

/** The pages are gone. */
export const REAPED = 0
/** mmap_lock was not to be had: the victim may be the one that waits for memory with it. Try again later, or give up. */
export const REAP_BUSY = 1
/** There is nothing left to be done. */
export const REAP_SKIPPED = 2

/** Tries to take the pages of a victim away, whose struct the caller keeps (`mmgrab`). REAPED, REAP_BUSY or REAP_SKIPPED. */
export function oomReap(k: Kernel, mm: Mm): number {
  // Only tried: who holds it for write may wait for memory itself.
  if (!k.policy.readTrylock(mm)) return REAP_BUSY
  const skip = (Atomics.load(k.w, mm.flags) & MMF_OOM_SKIP) !== 0
  if (skip) passSlow(SKIPPED, mm.tag, 0)
  else reapPages(k, mm)
  k.policy.readUnlock(mm)
  if (skip) return REAP_SKIPPED
  // Nobody need come back for this one.
  Atomics.or(k.w, mm.flags, MMF_OOM_SKIP)
  k.quiesce()
  return REAPED
}

/** Only private anonymous memory: what others share, or could read again from its object, is not worth the trouble. */
function reapPages(k: Kernel, mm: Mm): void {
  const { w, gather } = k
  Atomics.or(w, mm.flags, MMF_UNSTABLE)
  const vmas: (readonly [vma: number, generation: number])[] = []
  k.rcu.readLock()
  eachRange(k, mm, (_start, _end, vma) => vmas.push([vma, k.vmas.generation(vma)]))
  k.rcu.readUnlock()
  for (const [vma, generation] of vmas) {
    const start = Atomics.load(w, vma + VMA.vm_start)
    const end = Atomics.load(w, vma + VMA.vm_end)
    const isPrivate = Atomics.load(w, vma + VMA.object) === 0
    checkAlive(k, mm, vma, generation)
    if (!isPrivate) continue
    passSlow(REAP, start, end)
    gather.begin(mm, start, end, true, false)
    zapRange(k, mm, gather, start, end, false)
    gather.finish()
    checkAlive(k, mm, vma, generation)
  }
}

/** GEN oracle: under mmap_lock held for read the VMAs stay, and with them the tables of their pages. */
function checkAlive(k: Kernel, mm: Mm, vma: number, generation: number): void {
  if (!k.vmas.isLive(vma) || k.vmas.generation(vma) !== generation)
    violated('GEN', `vma ${vma} of mm ${mm.tag - 1} was freed while the OOM reaper was at work there`)
}
