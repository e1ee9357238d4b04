/**
 * How pages find a VMA, both ways at once: through the list of its object, and through its anon_vmas. Who changes the
 * borders of a VMA, or moves page tables under it, holds both locks.
 */

import type { Kernel } from '../kernel.ts'
import { ANON_VMA, VMA } from '../layout.ts'
import { lockAnonVma, unlinkAnonVmas, unlockAnonVma } from './anon-vma.ts'
import { lockMappings, unlinkMapping, unlockMappings } from './i-mmap.ts'

/** Keeps away whoever comes by a page of the VMA, which is locked for write. The kernel's take_rmap_locks. */
export function lockRmap(k: Kernel, vma: number): void {
  const object = Atomics.load(k.w, vma + VMA.object)
  const anonVma = Atomics.load(k.w, vma + VMA.anon_vma)
  if (object !== 0) lockMappings(k, object)
  if (anonVma !== 0) lockAnonVma(k, anonVma)
}

export function unlockRmap(k: Kernel, vma: number): void {
  const object = Atomics.load(k.w, vma + VMA.object)
  const anonVma = Atomics.load(k.w, vma + VMA.anon_vma)
  if (anonVma !== 0) unlockAnonVma(k, Atomics.load(k.w, anonVma + ANON_VMA.root))
  if (object !== 0) unlockMappings(k, object)
}

/** Nobody finds the VMA through a page any more. */
export function unlinkFromPages(k: Kernel, vma: number): void {
  unlinkAnonVmas(k, vma)
  unlinkMapping(k, vma)
}
