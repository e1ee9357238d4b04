/** VMAs: objects of a slab that is type-safe by RCU, recycled at once. Fields change only while the VMA is locked. */
import { violated } from '../../check/oracle.ts'
import { pass, site } from '../../shm/sites.ts'
import type { Kernel } from '../kernel.ts'
import { VM_GROWSDOWN, VM_READ, VM_SHARED, VM_WRITE, VMA } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { unlinkFromPages } from '../rmap/rmap-locks.ts'

const SET_RANGE = site('vma/set-range')

/** No mm_lock_seq has this value while mmap_lock is write-locked for the first 2^31 times. */
const NEVER_LOCKED = -1

/** A detached VMA over [start, end), not yet committed; 0 when the slab is exhausted. */
export function allocVma(k: Kernel, mm: Mm, start: number, end: number, object: number, pgoff: number): number {
  const w = k.w
  const vma = k.vmas.alloc()
  if (vma === 0) return 0
  if (Atomics.load(w, vma + VMA.vm_refcnt) !== 0)
    violated('CNT', `vma ${vma} came from the slab with vm_refcnt ${Atomics.load(w, vma + VMA.vm_refcnt)}`)
  Atomics.store(w, vma + VMA.vm_lock_seq, NEVER_LOCKED)
  Atomics.store(w, vma + VMA.vm_mm, mm.tag)
  Atomics.store(w, vma + VMA.vm_start, start)
  Atomics.store(w, vma + VMA.vm_end, end)
  Atomics.store(w, vma + VMA.vm_flags, 0)
  Atomics.store(w, vma + VMA.vm_pgoff, pgoff)
  Atomics.store(w, vma + VMA.anon_vma, 0)
  Atomics.store(w, vma + VMA.anon_vma_chain, 0)
  Atomics.store(w, vma + VMA.object, object)
  Atomics.store(w, vma + VMA.i_mmap_next, 0)
  Atomics.store(w, vma + VMA.i_mmap_pprev, 0)
  Atomics.store(w, vma + VMA.committed, 0)
  return vma
}

/** Gives a detached VMA back to the slab: it may be anybody's in the next moment. */
export function freeVma(k: Kernel, vma: number): void {
  const refcnt = Atomics.load(k.w, vma + VMA.vm_refcnt)
  if (refcnt !== 0) violated('CNT', `vma ${vma} was freed with vm_refcnt ${refcnt}`)
  unlinkFromPages(k, vma)
  k.policy.free(vma)
}

/**
 * Moves the borders of a locked VMA; the page of the object at its start moves along. Here and in `setFlags` plain
 * stores do, as the lock keeps everybody out: it is for the unlocking to have them seen first.
 */
export function setRange(k: Kernel, vma: number, start: number, end: number): void {
  const w = k.w
  const shift = start - Atomics.load(w, vma + VMA.vm_start, 'relaxed')
  const pgoff = Atomics.load(w, vma + VMA.vm_pgoff, 'relaxed')
  Atomics.store(w, vma + VMA.committed, 0, 'relaxed')
  Atomics.store(w, vma + VMA.vm_start, start, 'relaxed')
  pass(SET_RANGE, start, end)
  Atomics.store(w, vma + VMA.vm_end, end, 'relaxed')
  if (shift !== 0) Atomics.store(w, vma + VMA.vm_pgoff, pgoff + shift, 'relaxed')
  commit(k, vma)
}

export function setFlags(k: Kernel, vma: number, flags: number): void {
  Atomics.store(k.w, vma + VMA.committed, 0, 'relaxed')
  Atomics.store(k.w, vma + VMA.vm_flags, flags, 'relaxed')
  commit(k, vma)
}

function commit(k: Kernel, vma: number): void {
  const w = k.w
  const start = Atomics.load(w, vma + VMA.vm_start, 'relaxed')
  const end = Atomics.load(w, vma + VMA.vm_end, 'relaxed')
  const flags = Atomics.load(w, vma + VMA.vm_flags, 'relaxed')
  Atomics.store(w, vma + VMA.committed, checksum(start, end, flags), 'relaxed')
}

/** Never 0 for a sensible VMA: 0 means that an edit is under way. */
export function checksum(start: number, end: number, flags: number): number {
  return (Math.imul(start, 0x9e3779b1) ^ Math.imul(end, 0x85ebca6b) ^ Math.imul(flags, 0xc2b2ae35)) | 1
}

/**
 * VMA oracle: what a fault works with is a committed version of a VMA of its own address space. To be called with the
 * VMA stable, that is, with any lock that promises so. Returns its flags, or OUT_OF_RANGE if it does not hold the page:
 * legitimate only for who locked it after finding it.
 */
export function verifyVma(k: Kernel, mm: Mm, vma: number, vpn: number): number {
  const w = k.w
  for (let n = 0; ; n++) {
    const owner = Atomics.load(w, vma + VMA.vm_mm)
    const start = Atomics.load(w, vma + VMA.vm_start)
    const end = Atomics.load(w, vma + VMA.vm_end)
    const flags = Atomics.load(w, vma + VMA.vm_flags)
    const committed = Atomics.load(w, vma + VMA.committed)
    if (owner === mm.tag && committed === checksum(start, end, flags))
      return vpn < start || vpn >= end ? OUT_OF_RANGE : flags
    // A stack may grow under the very lock that makes other VMAs stable; that is over soon.
    const grows = k.growsUnderRead && owner === mm.tag && (flags & VM_GROWSDOWN) !== 0 && n < GROWN_SOON
    if (!grows) wrongVersion(mm, vpn, { vma, owner, start, end, flags, committed })
    k.cpu.relax(n)
  }
}

/** Looks at a VMA that grows, before it is taken for damaged: many naps long. */
const GROWN_SOON = 100_000

export const OUT_OF_RANGE = -1

function wrongVersion(mm: Mm, vpn: number, seen: Record<string, number>): never {
  const what = seen.owner !== mm.tag ? `a VMA of mm ${seen.owner - 1}` : 'a VMA whose edit was not committed'
  violated('VMA', `a fault on page ${vpn} of mm ${mm.tag - 1} worked with ${what}`, seen)
}

export function permits(flags: number, write: boolean): boolean {
  return (flags & (write ? VM_WRITE : VM_READ)) !== 0
}

/** Whether its pages are copied before they are written. */
export function isPrivate(k: Kernel, vma: number): boolean {
  return (Atomics.load(k.w, vma + VMA.vm_flags) & VM_SHARED) === 0
}
