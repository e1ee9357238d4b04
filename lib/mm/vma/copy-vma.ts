/**
 * The VMA that pages are moved to, as the kernel's copy_vma: a neighbour of the new place that is alike takes it in, or
 * a copy is made. Either is linked to all anon_vmas of the old VMA, whose pages it is to get, and keeps their place in
 * the object, or in private memory, so that a page still finds its entry after the move.
 */
import { passSlow, site } from '../../shm/sites.ts'
import type { Kernel } from '../kernel.ts'
import { VMA } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { anonVmaClone } from '../rmap/anon-vma.ts'
import { linkMapping } from '../rmap/i-mmap.ts'
import { lockRmap, unlockRmap } from '../rmap/rmap-locks.ts'
import { mergeCopy } from './merge.ts'
import { allocVma, freeVma, setFlags, setRange } from './vma.ts'
import { chargeVma, storeRange, unchargeVmas } from './vma-store.ts'

const COPIED = site('mremap/copied')

const get = (k: Kernel, vma: number, field: number) => Atomics.load(k.w, vma + field)

/** A VMA over the hole [start, end) for what `vma`, which is locked, maps from its start on; 0: no memory. */
export function copyVma(k: Kernel, mm: Mm, vma: number, start: number, end: number): number {
  const object = get(k, vma, VMA.object)
  // Private memory that was never faulted in has no pages that could tell: it takes the numbers of its new place, and
  // its new neighbours more often take it in.
  const untouched = object === 0 && get(k, vma, VMA.anon_vma) === 0
  const pgoff = untouched ? start : get(k, vma, VMA.vm_pgoff)
  const merged = mergeCopy(k, mm, vma, start, end, pgoff)
  return merged !== 0 ? merged : freshCopy(k, mm, vma, start, end, pgoff)
}

function freshCopy(k: Kernel, mm: Mm, vma: number, start: number, end: number, pgoff: number): number {
  if (!chargeVma(k, mm)) return 0
  const copy = k.shouldFail() ? 0 : allocVma(k, mm, start, end, get(k, vma, VMA.object), pgoff)
  if (copy === 0) {
    unchargeVmas(k, mm, 1)
    return 0
  }
  k.policy.startWrite(mm, copy)
  Atomics.store(k.w, copy + VMA.anon_vma, get(k, vma, VMA.anon_vma))
  if (!anonVmaClone(k, copy, vma)) {
    unchargeVmas(k, mm, 1)
    freeVma(k, copy)
    return 0
  }
  setFlags(k, copy, get(k, vma, VMA.vm_flags))
  linkMapping(k, copy, vma)
  k.policy.attach(copy)
  storeRange(k, mm, start, end, copy)
  passSlow(COPIED, start, end)
  return copy
}

/** Takes [start, end) away again from the VMA that `copyVma` has returned; no page is left in it. */
export function withdrawCopy(k: Kernel, mm: Mm, copy: number, start: number, end: number): void {
  const from = get(k, copy, VMA.vm_start)
  const to = get(k, copy, VMA.vm_end)
  if (from === start && to === end) {
    k.policy.detach(mm, copy)
    storeRange(k, mm, start, end, 0)
    unchargeVmas(k, mm, 1)
    freeVma(k, copy)
    return
  }
  // It was a neighbour that was there before: only the border goes back, which needs no memory.
  lockRmap(k, copy)
  if (from === start) setRange(k, copy, end, to)
  else setRange(k, copy, from, start)
  unlockRmap(k, copy)
  storeRange(k, mm, start, end, 0)
}
