/**
 * brk: the heap, a private mapping whose end moves. Growing extends the mapping that ends there, or makes one; shrinking
 * is munmap of the tail, and like it drops the pages after mmap_lock was downgraded. The break itself is protected by
 * mmap_lock held for write: it moves before the lock is given up, whatever is still to be done.
 */
import type { Kernel } from '../kernel.ts'
import { VM_READ, VM_WRITE } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { mergeNew } from '../vma/merge.ts'
import { findVmaIn } from '../vma/vma-store.ts'
import { checkEmpty, DONE, insertNew, munmapAndUnlock, splitBorders } from './mmap.ts'

const FLAGS = VM_READ | VM_WRITE
/** Pages that stay free behind the heap when it grows. */
const GUARD_GAP = 1

/** Where the heap begins, empty: what exec does. Nobody uses the address space yet. */
export function startHeap(k: Kernel, mm: Mm, start: number): void {
  Atomics.store(k.w, mm.startBrk, start)
  Atomics.store(k.w, mm.brk, start)
}

/** Fork: both address spaces are locked for write. */
export function inheritHeap(k: Kernel, child: Mm, parent: Mm): void {
  Atomics.store(k.w, child.startBrk, Atomics.load(k.w, parent.startBrk))
  Atomics.store(k.w, child.brk, Atomics.load(k.w, parent.brk))
}

/** Moves the end of the heap. Returns where it is afterwards: where it was, if it could not be moved. */
export function brk(k: Kernel, mm: Mm, to: number): number {
  k.policy.writeLock(mm)
  const from = Atomics.load(k.w, mm.brk)
  if (to < from && to >= Atomics.load(k.w, mm.startBrk)) return shrink(k, mm, from, to)
  const grown = to > from && to <= mm.pages && grow(k, mm, from, to)
  if (grown) Atomics.store(k.w, mm.brk, to)
  k.policy.writeUnlock(mm)
  k.quiesce()
  return grown ? to : from
}

/** Gives the write lock back. */
function shrink(k: Kernel, mm: Mm, from: number, to: number): number {
  // What may fail comes before the break moves: afterwards the lock is not held for write any more.
  if (splitBorders(k, mm, to, from) !== DONE) {
    k.policy.writeUnlock(mm)
    k.quiesce()
    return from
  }
  Atomics.store(k.w, mm.brk, to)
  munmapAndUnlock(k, mm, to, from)
  return to
}

function grow(k: Kernel, mm: Mm, from: number, to: number): boolean {
  if (findVmaIn(k, mm, from, to + GUARD_GAP) !== 0) return false
  checkEmpty(k, mm, from, to)
  return mergeNew(k, mm, from, to, FLAGS, 0, from) !== 0 || insertNew(k, mm, from, to, FLAGS, 0, from) === DONE
}
