/**
 * i_mmap: the VMAs that map an object, through which its pages find who maps them. A list with a lock; the borders of a
 * VMA in the list change under the lock only, or a walk would look for a page at the wrong place.
 */
import { violated } from '../../check/oracle.ts'
import { spinLock, spinUnlock } from '../../sync/spinlock.ts'
import type { Kernel } from '../kernel.ts'
import { OBJECT, VMA } from '../layout.ts'

const get = (k: Kernel, at: number) => Atomics.load(k.w, at)

/** Word of the first cell of an object, given as number + 1. */
export function objectBase(k: Kernel, object: number): number {
  return k.image.objects[object - 1].base
}

export function lockMappings(k: Kernel, object: number): void {
  spinLock(k.cpu, objectBase(k, object) + OBJECT.i_mmap_lock)
}

export function unlockMappings(k: Kernel, object: number): void {
  spinUnlock(k.cpu, objectBase(k, object) + OBJECT.i_mmap_lock)
}

/** Puts a VMA into the list of its object, if it has one: first, or behind another that is in it. The list is locked. */
export function linkLocked(k: Kernel, vma: number, behind: number): void {
  const w = k.w
  const at = behind === 0 ? objectBase(k, get(k, vma + VMA.object)) + OBJECT.i_mmap : behind + VMA.i_mmap_next
  const next = get(k, at)
  Atomics.store(w, vma + VMA.i_mmap_next, next)
  Atomics.store(w, vma + VMA.i_mmap_pprev, at)
  if (next !== 0) Atomics.store(w, next + VMA.i_mmap_pprev, vma + VMA.i_mmap_next)
  Atomics.store(w, at, vma)
}

/**
 * Makes a VMA findable by the pages of its object, if it has one. Fork puts the child's behind the parent's: a walk that
 * finds the parent's entry not yet copied finds the copy later, and one that comes after the copy finds either.
 */
export function linkMapping(k: Kernel, vma: number, behind = 0): void {
  // Never changes while the VMA lives.
  const object = Atomics.load(k.w, vma + VMA.object, 'relaxed')
  if (object === 0) return
  lockMappings(k, object)
  linkLocked(k, vma, behind)
  unlockMappings(k, object)
}

/** Ends that. Before the tables of its pages go, since walks look into them. */
export function unlinkMapping(k: Kernel, vma: number): void {
  const object = get(k, vma + VMA.object)
  // Only the VMA's owner puts it into the list or takes it out.
  if (object === 0 || get(k, vma + VMA.i_mmap_pprev) === 0) return
  const w = k.w
  lockMappings(k, object)
  const at = get(k, vma + VMA.i_mmap_pprev)
  const next = get(k, vma + VMA.i_mmap_next)
  if (get(k, at) !== vma) violated('REF', `the list of object ${object - 1} does not know VMA ${vma}`)
  Atomics.store(w, at, next)
  if (next !== 0) Atomics.store(w, next + VMA.i_mmap_pprev, at)
  Atomics.store(w, vma + VMA.i_mmap_pprev, 0)
  unlockMappings(k, object)
}
