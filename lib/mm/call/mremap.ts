/**
 * mremap: changes the size of a mapping, in place or by moving it. A move makes a VMA at the new place, moves the page
 * table entries, and unmaps what is left at the old one. Pages keep what was written to them; addresses that pages have
 * left are dropped like unmapped ones.
 */
import { passSlow, site } from '../../shm/sites.ts'
import type { Kernel } from '../kernel.ts'
import { OBJECT, VMA } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { unlinkAnonVmas } from '../rmap/anon-vma.ts'
import { copyVma, withdrawCopy } from '../vma/copy-vma.ts'
import { mergeNew, mergeNext } from '../vma/merge.ts'
import { findVmaIn } from '../vma/vma-store.ts'
import { checkEmpty, DONE, dropTables, EINVAL, ENOMEM, munmapAndUnlock, splitBorders, unmapLocked } from './mmap.ts'
import { movePageTables } from './move-tables.ts'
import { unmappedArea } from './unmapped-area.ts'

const MOVED_BACK = site('mremap/moved-back')

export const EFAULT = 14

export interface Remap {
  /** Pages of the mapping afterwards. */
  readonly pages: number
  /** First page of the new place, whatever is mapped there (MREMAP_FIXED); or STAY, or ANYWHERE. */
  readonly to: number
  /** Leaves the old VMA behind, without pages (MREMAP_DONTUNMAP). */
  readonly keep?: boolean
}

/** Where it is or not at all. */
export const STAY = -1
/** Where it is, or where there is room (MREMAP_MAYMOVE). */
export const ANYWHERE = -2

const get = (k: Kernel, vma: number, field: number) => Atomics.load(k.w, vma + field)

/**
 * Resizes or moves [start, end), which lies in one VMA. Returns the first page afterwards, or a negative error number:
 * then the mapping is as it was, but for what the new place held.
 */
export function mremap(k: Kernel, mm: Mm, start: number, end: number, how: Remap): number {
  if (!isSensible(mm, start, end, how)) return -EINVAL
  k.policy.writeLock(mm)
  const inPlace = how.to < 0
  if (inPlace && !how.keep && how.pages < end - start) return shrink(k, mm, start, end, how.pages)
  const result = inPlace ? resize(k, mm, start, end, how) : moveTo(k, mm, start, end, how)
  k.policy.writeUnlock(mm)
  k.quiesce()
  return result
}

function isSensible(mm: Mm, start: number, end: number, { pages, to, keep }: Remap): boolean {
  if (start < 0 || start >= end || end > mm.pages || pages < 1 || pages > mm.pages) return false
  if (keep && (pages !== end - start || to === STAY)) return false
  if (to < 0) return true
  return to + pages <= mm.pages && (to >= end || to + pages <= start)
}

/** Gives up the tail, as munmap does it: the pages are dropped after the lock was downgraded. */
function shrink(k: Kernel, mm: Mm, start: number, end: number, pages: number): number {
  if (findVmaIn(k, mm, start, start + 1) === 0) {
    k.policy.writeUnlock(mm)
    return -EFAULT
  }
  const result = munmapAndUnlock(k, mm, start + pages, end)
  return result === DONE ? start : -result
}

function resize(k: Kernel, mm: Mm, start: number, end: number, how: Remap): number {
  const vma = vmaOver(k, mm, start, end)
  if (vma === 0) return -EFAULT
  if (!how.keep) {
    if (how.pages === end - start) return start
    if (!reaches(k, vma, start, how.pages)) return -EINVAL
    if (canGrow(k, mm, vma, end, start + how.pages)) return grow(k, mm, vma, start, end, start + how.pages)
  }
  if (how.to !== ANYWHERE) return -ENOMEM
  const to = unmappedArea(k, mm, how.pages)
  return to < 0 ? -ENOMEM : move(k, mm, start, end, to, how)
}

function moveTo(k: Kernel, mm: Mm, start: number, given: number, how: Remap): number {
  const { to, pages } = how
  if (unmapLocked(k, mm, to, to + pages) !== DONE) return -ENOMEM
  const end = Math.min(given, start + pages)
  if (vmaOver(k, mm, start, end) === 0) return -EFAULT
  if (given > end && unmapLocked(k, mm, end, given) !== DONE) return -ENOMEM
  return move(k, mm, start, end, to, how)
}

/** The one VMA that covers [start, end), or 0. */
function vmaOver(k: Kernel, mm: Mm, start: number, end: number): number {
  const vma = findVmaIn(k, mm, start, start + 1)
  return vma !== 0 && get(k, vma, VMA.vm_end) >= end ? vma : 0
}

/** Whether the object behind the VMA, if there is one, goes on for so many pages from `start`. */
function reaches(k: Kernel, vma: number, start: number, pages: number): boolean {
  const object = get(k, vma, VMA.object)
  if (object === 0) return true
  const size = Atomics.load(k.w, k.image.objects[object - 1].base + OBJECT.size)
  return get(k, vma, VMA.vm_pgoff) + start - get(k, vma, VMA.vm_start) + pages <= size
}

function canGrow(k: Kernel, mm: Mm, vma: number, end: number, newEnd: number): boolean {
  return newEnd <= mm.pages && get(k, vma, VMA.vm_end) === end && findVmaIn(k, mm, end, newEnd) === 0
}

function grow(k: Kernel, mm: Mm, vma: number, start: number, end: number, newEnd: number): number {
  const flags = get(k, vma, VMA.vm_flags)
  const pgoff = get(k, vma, VMA.vm_pgoff) + end - get(k, vma, VMA.vm_start)
  checkEmpty(k, mm, end, newEnd)
  return mergeNew(k, mm, end, newEnd, flags, get(k, vma, VMA.object), pgoff) === 0 ? -ENOMEM : start
}

/** Moves [start, end) to the hole at `to`. */
function move(k: Kernel, mm: Mm, start: number, end: number, to: number, how: Remap): number {
  // A VMA of its own first: what is unmapped after the move then is a whole VMA, and that needs no memory.
  if (splitBorders(k, mm, start, end) !== DONE) return -ENOMEM
  const vma = findVmaIn(k, mm, start, end)
  if (!reaches(k, vma, start, how.pages)) return -EINVAL
  k.policy.startWrite(mm, vma)
  checkEmpty(k, mm, to, to + how.pages)
  const copy = copyVma(k, mm, vma, to, to + how.pages)
  if (copy === 0) return -ENOMEM
  const merged = get(k, copy, VMA.vm_end) - get(k, copy, VMA.vm_start) > how.pages
  if (!moveEntries(k, mm, vma, copy, start, end, to, merged)) {
    withdrawCopy(k, mm, copy, to, to + how.pages)
    dropTables(k, mm, to, to + how.pages)
    return -ENOMEM
  }
  // Nobody comes to its former pages by it any more: they are another VMA's.
  if (how.keep) unlinkAnonVmas(k, vma)
  else unmapLocked(k, mm, start, end)
  // A neighbour before took the pages in; one behind may go on from there.
  mergeNext(k, mm, copy)
  return to
}

/** False: no memory, and all is where it was. */
function moveEntries(
  k: Kernel,
  mm: Mm,
  vma: number,
  copy: number,
  start: number,
  end: number,
  to: number,
  merged: boolean,
): boolean {
  const pages = end - start
  k.gather.begin(mm, start, end, true)
  // A walk comes to a copy after the old VMA, but to a neighbour that took the pages in perhaps before.
  const moved = movePageTables(k, mm, { vma, from: start, to, pages, needRmapLocks: merged }, true)
  if (moved < pages) {
    passSlow(MOVED_BACK, start, moved)
    // The tables are still there, so this needs no memory. It goes against the order of the walk.
    movePageTables(k, mm, { vma: copy, from: to, to: start, pages: moved, needRmapLocks: true }, false)
    k.gather.forgo()
  }
  k.gather.finish()
  return moved === pages
}
