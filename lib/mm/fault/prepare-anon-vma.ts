/** The anon_vma that a VMA needs before it gets its first page of its own. */
import { bug, pass, site } from '../../shm/sites.ts'
import type { Kernel } from '../kernel.ts'
import { AVC, VMA } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { anonVmaPrepare } from '../rmap/anon-vma.ts'
import { isPrivate } from '../vma/vma.ts'
import { vmaEndingAt, vmaStartingAt } from '../vma/vma-store.ts'
import { FAULT_OOM, FAULT_RETRY, UNDER_VMA_LOCK } from './fault-codes.ts'

const ANON_VMA_EARLY = bug('anon-vma-early')
const PREPARE = site('fault/prepare-anon-vma')

/**
 * Makes sure that the VMA has an anon_vma before it gets its first page. That needs mmap_lock, since neighbours are
 * looked at; under the VMA lock it is only tried. False: `noAnonVma` says with what the fault ends.
 */
export function prepareAnonVma(k: Kernel, mm: Mm, vma: number, flags: number): boolean {
  if (Atomics.load(k.w, vma + VMA.anon_vma) !== 0) return true
  // Linux 6.4 took nothing here: its policy admitted no VMA without an anon_vma.
  const borrowed = (flags & UNDER_VMA_LOCK) !== 0 && !ANON_VMA_EARLY
  if (borrowed && !mm.lock.downReadTrylock()) return false
  const reusable = mergeableAnonVma(k, mm, vma)
  pass(PREPARE, vma, reusable)
  const prepared = anonVmaPrepare(k, vma, mm.pageTableLock, reusable)
  if (borrowed) mm.lock.upRead()
  return prepared
}

/** What a fault answers that could not get an anon_vma: under the VMA lock, which is dropped, it tries again without. */
export function noAnonVma(k: Kernel, mm: Mm, vma: number, flags: number): number {
  if ((flags & UNDER_VMA_LOCK) === 0) return FAULT_OOM
  k.stats.fallbackAnonVma++
  k.policy.endFault(mm, vma, flags)
  return FAULT_RETRY
}

/** The anon_vma of a neighbour that this VMA might be merged with some day, or 0. */
function mergeableAnonVma(k: Kernel, mm: Mm, vma: number): number {
  const prev = vmaEndingAt(k, mm, Atomics.load(k.w, vma + VMA.vm_start))
  const next = vmaStartingAt(k, mm, Atomics.load(k.w, vma + VMA.vm_end))
  return reusableAnonVma(k, prev) || reusableAnonVma(k, next)
}

/** A VMA's anon_vma, unless it has links to ancestors: who took it would have to be linked to them as well. */
function reusableAnonVma(k: Kernel, vma: number): number {
  if (vma === 0 || !isPrivate(k, vma)) return 0
  const chain = Atomics.load(k.w, vma + VMA.anon_vma_chain)
  return chain !== 0 && Atomics.load(k.w, chain + AVC.next_of_vma) === 0 ? Atomics.load(k.w, vma + VMA.anon_vma) : 0
}
