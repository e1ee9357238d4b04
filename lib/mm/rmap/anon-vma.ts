/**
 * anon_vmas: how a page of private memory finds the VMAs that may map it. Each VMA with such pages has one anon_vma of
 * its own, which its new pages name, and links to those of its ancestors before fork, whose pages it may still share.
 * An anon_vma that no VMA calls its own any more, and that has one child at the most, is taken over by a descendant
 * instead of growing the chain with each fork.
 *
 * One lock for all that descend from one root, in the root: with fork inside fork a page's walk crosses many of them.
 *
 * Source: our specification; the rule for taking over as in Linux commit 2555283eb40d (2022).
 */
import { violated } from '../../check/oracle.ts'
import { bug, pass, site } from '../../shm/sites.ts'
import { spinLock, spinUnlock } from '../../sync/spinlock.ts'
import type { Kernel } from '../kernel.ts'
import { ANON_VMA, AVC, VMA } from '../layout.ts'

const MERGED_DEGREE = bug('anon-vma-degree')
const TAKEN_OVER = site('anon-vma/taken-over')

const get = (k: Kernel, object: number, field: number) => Atomics.load(k.w, object + field)

/** A root without links, or 0. */
export function allocAnonVma(k: Kernel): number {
  const anonVma = k.shouldFail() ? 0 : k.anonVmas.alloc()
  if (anonVma === 0) return 0
  const w = k.w
  Atomics.store(w, anonVma + ANON_VMA.root, anonVma)
  Atomics.store(w, anonVma + ANON_VMA.parent, anonVma)
  Atomics.store(w, anonVma + ANON_VMA.num_children, 0)
  Atomics.store(w, anonVma + ANON_VMA.num_active_vmas, 0)
  Atomics.store(w, anonVma + ANON_VMA.chain, 0)
  // Last, with release: a walker that came late and still takes a reference takes one of a whole object.
  Atomics.store(w, anonVma + ANON_VMA.refcount, 1, 'release')
  return anonVma
}

/** Takes a reference of an anon_vma that may have been freed by now. False: it was. */
export function tryGetAnonVma(k: Kernel, anonVma: number): boolean {
  for (;;) {
    const count = get(k, anonVma, ANON_VMA.refcount)
    if (count <= 0) return false
    if (Atomics.compareExchange(k.w, anonVma + ANON_VMA.refcount, count, count + 1) === count) return true
  }
}

/** Gives up a reference; the last one frees, and then that of the root. */
export function putAnonVma(k: Kernel, anonVma: number): void {
  const root = get(k, anonVma, ANON_VMA.root)
  const before = Atomics.sub(k.w, anonVma + ANON_VMA.refcount, 1)
  if (before <= 0) violated('REF', `anon_vma ${anonVma}: a reference was given up that nobody held`)
  if (before > 1) return
  k.anonVmas.free(anonVma)
  if (root !== anonVma) putAnonVma(k, root)
}

/** Locks all of the family; returns the root, for `unlockAnonVma`. The caller keeps the anon_vma from being freed. */
export function lockAnonVma(k: Kernel, anonVma: number): number {
  const root = get(k, anonVma, ANON_VMA.root)
  spinLock(k.cpu, root + ANON_VMA.lock)
  return root
}

export function unlockAnonVma(k: Kernel, root: number): void {
  spinUnlock(k.cpu, root + ANON_VMA.lock)
}

/** Links a VMA to an anon_vma whose family is locked: first in its list, or behind another link. */
function link(k: Kernel, avc: number, vma: number, anonVma: number, behind = 0): void {
  const w = k.w
  const at = behind === 0 ? anonVma + ANON_VMA.chain : behind + AVC.next
  Atomics.store(w, avc + AVC.vma, vma)
  Atomics.store(w, avc + AVC.anon_vma, anonVma)
  Atomics.store(w, avc + AVC.next_of_vma, get(k, vma, VMA.anon_vma_chain))
  Atomics.store(w, avc + AVC.next, Atomics.load(w, at))
  Atomics.store(w, vma + VMA.anon_vma_chain, avc)
  Atomics.store(w, at, avc)
}

function unlink(k: Kernel, avc: number, anonVma: number): void {
  let at = anonVma + ANON_VMA.chain
  for (;;) {
    const next = Atomics.load(k.w, at)
    if (next === avc) break
    if (next === 0) violated('REF', `anon_vma ${anonVma} does not know its link ${avc}`)
    at = next + AVC.next
  }
  Atomics.store(k.w, at, get(k, avc, AVC.next))
}

function allocLink(k: Kernel): number {
  return k.shouldFail() ? 0 : k.avcs.alloc()
}

/**
 * Gives a VMA that has none an anon_vma: `reusable`, of a neighbour that it could be merged with, or a new one. The
 * VMA or mmap_lock is held, the latter for read at least. False when memory is exhausted.
 */
export function anonVmaPrepare(k: Kernel, vma: number, pageTableLock: number, reusable: number): boolean {
  const avc = allocLink(k)
  if (avc === 0) return false
  const anonVma = reusable || allocAnonVma(k)
  if (anonVma === 0) {
    k.avcs.free(avc)
    return false
  }
  const w = k.w
  // A root counts as its own child.
  if (reusable === 0) Atomics.add(w, anonVma + ANON_VMA.num_children, 1)
  const root = lockAnonVma(k, anonVma)
  // Several faults of one VMA may be here, under mmap_lock held for read: the first one wins.
  spinLock(k.cpu, pageTableLock)
  const late = get(k, vma, VMA.anon_vma) !== 0
  if (!late) {
    Atomics.store(w, vma + VMA.anon_vma, anonVma)
    link(k, avc, vma, anonVma)
    Atomics.add(w, anonVma + ANON_VMA.num_active_vmas, 1)
  }
  spinUnlock(k.cpu, pageTableLock)
  unlockAnonVma(k, root)
  if (late) {
    k.avcs.free(avc)
    if (reusable === 0) putAnonVma(k, anonVma)
  }
  return true
}

/**
 * Links `dst` to all that `src` is linked to: it may map the same pages. If `dst` has no anon_vma of its own yet, it may
 * take over one of them. Both are locked for write. False when memory is exhausted: `dst` then has no links.
 */
export function anonVmaClone(k: Kernel, dst: number, src: number): boolean {
  const w = k.w
  const own = get(k, src, VMA.anon_vma)
  for (let pavc = get(k, src, VMA.anon_vma_chain); pavc !== 0; pavc = get(k, pavc, AVC.next_of_vma)) {
    const avc = allocLink(k)
    if (avc === 0) {
      // What dst has for its anon_vma, if anything, it has from src, and was not counted yet.
      Atomics.store(w, dst + VMA.anon_vma, 0)
      unlinkAnonVmas(k, dst)
      return false
    }
    const anonVma = get(k, pavc, AVC.anon_vma)
    const root = lockAnonVma(k, anonVma)
    // Behind: a walk that does not find a page in src's entries any more, since they are moved or copied, finds it in
    // dst's.
    link(k, avc, dst, anonVma, pavc)
    if (get(k, dst, VMA.anon_vma) === 0 && own !== 0 && anonVma !== own && isAbandoned(k, anonVma)) {
      pass(TAKEN_OVER, dst, anonVma)
      Atomics.store(w, dst + VMA.anon_vma, anonVma)
    }
    unlockAnonVma(k, root)
  }
  const mine = get(k, dst, VMA.anon_vma)
  if (mine !== 0) Atomics.add(w, mine + ANON_VMA.num_active_vmas, 1)
  return true
}

/** No VMA's own, and needed by one descendant at the most. Two counts, since they end for different reasons. */
function isAbandoned(k: Kernel, anonVma: number): boolean {
  const children = get(k, anonVma, ANON_VMA.num_children)
  const active = get(k, anonVma, ANON_VMA.num_active_vmas)
  return MERGED_DEGREE ? children + active < 2 : children < 2 && active === 0
}

/** Fork: the child's VMA is linked as the parent's, and gets an anon_vma of its own. False when memory is exhausted. */
export function anonVmaFork(k: Kernel, vma: number, parent: number): boolean {
  const from = get(k, parent, VMA.anon_vma)
  if (from === 0) return true
  const w = k.w
  Atomics.store(w, vma + VMA.anon_vma, 0)
  if (!anonVmaClone(k, vma, parent)) return false
  if (get(k, vma, VMA.anon_vma) !== 0) return true
  const anonVma = allocAnonVma(k)
  const avc = anonVma === 0 ? 0 : allocLink(k)
  if (avc === 0) {
    if (anonVma !== 0) putAnonVma(k, anonVma)
    unlinkAnonVmas(k, vma)
    return false
  }
  const root = get(k, from, ANON_VMA.root)
  Atomics.store(w, anonVma + ANON_VMA.root, root)
  Atomics.store(w, anonVma + ANON_VMA.parent, from)
  // Its lock is the root's: the root lives as long as it does.
  Atomics.add(w, root + ANON_VMA.refcount, 1)
  Atomics.store(w, vma + VMA.anon_vma, anonVma)
  lockAnonVma(k, anonVma)
  link(k, avc, vma, anonVma)
  Atomics.add(w, from + ANON_VMA.num_children, 1)
  Atomics.store(w, anonVma + ANON_VMA.num_active_vmas, 1)
  unlockAnonVma(k, root)
  return true
}

/** Ends all links of a VMA that is locked for write or detached; frees the anon_vmas that nobody is linked to any more. */
export function unlinkAnonVmas(k: Kernel, vma: number): void {
  const w = k.w
  const own = get(k, vma, VMA.anon_vma)
  let avc = get(k, vma, VMA.anon_vma_chain)
  if (avc === 0) return
  const empty: number[] = []
  const root = lockAnonVma(k, get(k, avc, AVC.anon_vma))
  for (; avc !== 0; ) {
    const anonVma = get(k, avc, AVC.anon_vma)
    unlink(k, avc, anonVma)
    if (get(k, anonVma, ANON_VMA.chain) === 0) {
      Atomics.sub(w, get(k, anonVma, ANON_VMA.parent) + ANON_VMA.num_children, 1)
      empty.push(anonVma)
    }
    const next = get(k, avc, AVC.next_of_vma)
    k.avcs.free(avc)
    avc = next
  }
  if (own !== 0) {
    Atomics.sub(w, own + ANON_VMA.num_active_vmas, 1)
    Atomics.store(w, vma + VMA.anon_vma, 0)
  }
  Atomics.store(w, vma + VMA.anon_vma_chain, 0)
  unlockAnonVma(k, root)
  // Not under the lock, which lies in one of them.
  for (const anonVma of empty) putAnonVma(k, anonVma)
}
