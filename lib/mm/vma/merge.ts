/**
 * Merging and splitting, as the kernel's vma_modify and vma_merge_new_range: a change of flags or a new mapping first
 * tries to join its neighbours, and splits only where it must. mmap_lock is held for write throughout; every VMA is
 * locked before it is edited.
 */
import { bug, passSlow, site } from '../../shm/sites.ts'
import type { Kernel } from '../kernel.ts'
import { VMA } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { anonVmaClone } from '../rmap/anon-vma.ts'
import { linkLocked } from '../rmap/i-mmap.ts'
import { lockRmap, unlockRmap } from '../rmap/rmap-locks.ts'
import { allocVma, freeVma, setFlags, setRange } from './vma.ts'
import { chargeVma, storeRange, unchargeVmas, vmaEndingAt, vmaStartingAt } from './vma-store.ts'

const DUP_UNLOCKED = bug('dup-anon-vma-unlocked')
const ADOPTED = site('vma/anon-vma-adopted')
const SPLIT = site('vma/split')
const MERGE = site('vma/merge')

const get = (k: Kernel, vma: number, field: number) => Atomics.load(k.w, vma + field)

/** Whether what lies at `pgoff` of `object` with `flags` could continue behind `left`. */
function continues(k: Kernel, left: number, at: number, flags: number, object: number, pgoff: number): boolean {
  return (
    left !== 0 &&
    get(k, left, VMA.vm_end) === at &&
    get(k, left, VMA.vm_flags) === flags &&
    get(k, left, VMA.object) === object &&
    get(k, left, VMA.vm_pgoff) + at - get(k, left, VMA.vm_start) === pgoff
  )
}

/** Whether `right` could continue what ends at `at`, where page `pgoff` of the object would follow. */
function continuedBy(k: Kernel, right: number, at: number, flags: number, object: number, pgoff: number): boolean {
  return (
    right !== 0 &&
    get(k, right, VMA.vm_start) === at &&
    get(k, right, VMA.vm_flags) === flags &&
    get(k, right, VMA.object) === object &&
    get(k, right, VMA.vm_pgoff) === pgoff
  )
}

/** Pages of one VMA find each other through one anon_vma: VMAs with two different ones stay apart. */
function anonCompatible(k: Kernel, a: number, b: number): boolean {
  const left = get(k, a, VMA.anon_vma)
  const right = get(k, b, VMA.anon_vma)
  return left === right || left === 0 || right === 0
}

/**
 * `into` takes the anon_vmas of a VMA that it is to get pages of. It is locked first: from the moment that it has an
 * anon_vma a fault may give it a page, and should there be no memory for the links, that page would be of an anon_vma
 * that nobody finds the VMA by. False when memory is exhausted: nothing has changed then.
 */
function adopt(k: Kernel, mm: Mm, into: number, from: number): boolean {
  if (!DUP_UNLOCKED) k.policy.startWrite(mm, into)
  const done = adoptAnonVmas(k, into, from)
  if (DUP_UNLOCKED) k.policy.startWrite(mm, into)
  return done
}

function adoptAnonVmas(k: Kernel, into: number, from: number): boolean {
  const anonVma = get(k, from, VMA.anon_vma)
  if (get(k, into, VMA.anon_vma) !== 0 || anonVma === 0) return true
  Atomics.store(k.w, into + VMA.anon_vma, anonVma)
  passSlow(ADOPTED, into, from)
  return anonVmaClone(k, into, from)
}

/** Lets a neighbour, or two, cover a new mapping over a hole. Returns the VMA that does, or 0. */
export function mergeNew(
  k: Kernel,
  mm: Mm,
  start: number,
  end: number,
  flags: number,
  object: number,
  pgoff: number,
): number {
  const prev = vmaEndingAt(k, mm, start)
  const next = vmaStartingAt(k, mm, end)
  const left = continues(k, prev, start, flags, object, pgoff)
  const right = continuedBy(k, next, end, flags, object, pgoff + end - start)
  if (left && right && anonCompatible(k, prev, next)) {
    if (!swallow(k, mm, prev, next, get(k, prev, VMA.vm_start), get(k, next, VMA.vm_end))) return 0
    return prev
  }
  if (left) {
    extend(k, mm, prev, get(k, prev, VMA.vm_start), end)
    return prev
  }
  if (right) {
    extend(k, mm, next, start, get(k, next, VMA.vm_end))
    return next
  }
  return 0
}

/**
 * Lets a neighbour cover the hole [start, end), which pages of `source` from `pgoff` on are to be moved to. Returns the
 * neighbour, which is locked and linked to all that `source` is linked to; or 0. Never `source` itself.
 */
export function mergeCopy(k: Kernel, mm: Mm, source: number, start: number, end: number, pgoff: number): number {
  const flags = get(k, source, VMA.vm_flags)
  const object = get(k, source, VMA.object)
  const prev = vmaEndingAt(k, mm, start)
  const next = vmaStartingAt(k, mm, end)
  const left = prev !== source && continues(k, prev, start, flags, object, pgoff) && anonCompatible(k, prev, source)
  const right =
    !left &&
    next !== source &&
    continuedBy(k, next, end, flags, object, pgoff + end - start) &&
    anonCompatible(k, next, source)
  const into = left ? prev : right ? next : 0
  if (into === 0 || !adopt(k, mm, into, source)) return 0
  if (left) extend(k, mm, into, get(k, into, VMA.vm_start), end)
  else extend(k, mm, into, start, get(k, into, VMA.vm_end))
  return into
}

/** Joins a VMA with the next one, if that continues it. For want of memory they stay two. */
export function mergeNext(k: Kernel, mm: Mm, vma: number): void {
  const start = get(k, vma, VMA.vm_start)
  const end = get(k, vma, VMA.vm_end)
  const next = vmaStartingAt(k, mm, end)
  const pgoff = get(k, vma, VMA.vm_pgoff) + end - start
  if (!continuedBy(k, next, end, get(k, vma, VMA.vm_flags), get(k, vma, VMA.object), pgoff)) return
  if (anonCompatible(k, vma, next)) swallow(k, mm, vma, next, start, get(k, next, VMA.vm_end))
}

function extend(k: Kernel, mm: Mm, vma: number, start: number, end: number): void {
  passSlow(MERGE, start, end)
  k.policy.startWrite(mm, vma)
  lockRmap(k, vma)
  setRange(k, vma, start, end)
  unlockRmap(k, vma)
  storeRange(k, mm, start, end, vma)
}

/** `vma` grows to [start, end) and `gone`, which lies inside, ends. False when memory is exhausted: nothing has changed. */
function swallow(k: Kernel, mm: Mm, vma: number, gone: number, start: number, end: number): boolean {
  passSlow(MERGE, start, end)
  k.policy.startWrite(mm, gone)
  if (!adopt(k, mm, vma, gone)) return false
  k.policy.detach(mm, gone)
  // From here to the end of `gone` a walk finds its pages twice; never not at all.
  lockRmap(k, vma)
  setRange(k, vma, start, end)
  unlockRmap(k, vma)
  storeRange(k, mm, start, end, vma)
  unchargeVmas(k, mm, 1)
  freeVma(k, gone)
  return true
}

/** Moves the border between two neighbours; both keep at least a page. False when memory is exhausted. */
function moveBorder(
  k: Kernel,
  mm: Mm,
  grows: number,
  shrinks: number,
  start: number,
  end: number,
  newStart: number,
  newEnd: number,
): boolean {
  passSlow(MERGE, start, end)
  k.policy.startWrite(mm, shrinks)
  if (!adopt(k, mm, grows, shrinks)) return false
  // Both borders at once, for who comes by a page: it is always one VMA's.
  lockRmap(k, grows)
  setRange(k, shrinks, newStart, newEnd)
  setRange(k, grows, start, end)
  unlockRmap(k, grows)
  storeRange(k, mm, start, end, grows)
  return true
}

/**
 * Gives [start, end) of a VMA other flags: joins the neighbours where it can, splits where it must. Returns the VMA
 * that covers the range then, or 0 when the slab is exhausted (nothing has changed that anybody could tell).
 */
export function modifyFlags(k: Kernel, mm: Mm, vma: number, start: number, end: number, flags: number): number {
  if (get(k, vma, VMA.vm_flags) === flags) return vma
  const object = get(k, vma, VMA.object)
  const pgoff = get(k, vma, VMA.vm_pgoff) + start - get(k, vma, VMA.vm_start)
  const prev = vmaEndingAt(k, mm, start)
  const next = vmaStartingAt(k, mm, end)
  const wholeLeft = get(k, vma, VMA.vm_start) === start
  const wholeRight = get(k, vma, VMA.vm_end) === end
  const left = wholeLeft && continues(k, prev, start, flags, object, pgoff) && anonCompatible(k, prev, vma)
  const right =
    wholeRight && continuedBy(k, next, end, flags, object, pgoff + end - start) && anonCompatible(k, vma, next)

  if (left && right && anonCompatible(k, prev, next)) {
    if (!swallow(k, mm, prev, vma, get(k, prev, VMA.vm_start), end)) return 0
    // Should this fail, the two stay neighbours.
    swallow(k, mm, prev, next, get(k, prev, VMA.vm_start), get(k, next, VMA.vm_end))
    return prev
  }
  if (left) {
    const start = get(k, prev, VMA.vm_start)
    const done = wholeRight
      ? swallow(k, mm, prev, vma, start, end)
      : moveBorder(k, mm, prev, vma, start, end, end, get(k, vma, VMA.vm_end))
    return done ? prev : 0
  }
  if (right) {
    const end = get(k, next, VMA.vm_end)
    const done = wholeLeft
      ? swallow(k, mm, next, vma, start, end)
      : moveBorder(k, mm, next, vma, start, end, get(k, vma, VMA.vm_start), start)
    return done ? next : 0
  }
  if (!wholeLeft && !splitVma(k, mm, vma, start, true)) return 0
  if (!wholeRight && !splitVma(k, mm, vma, end, false)) return 0
  k.policy.startWrite(mm, vma)
  setFlags(k, vma, flags)
  return vma
}

/**
 * Splits a VMA at `at`: a new one takes the part below (`newBelow`) or above, `vma` keeps the other. False when the
 * slab or the store is full.
 */
export function splitVma(k: Kernel, mm: Mm, vma: number, at: number, newBelow: boolean): boolean {
  const start = get(k, vma, VMA.vm_start)
  const end = get(k, vma, VMA.vm_end)
  const pgoff = get(k, vma, VMA.vm_pgoff)
  if (!chargeVma(k, mm)) return false
  const from = newBelow ? start : at
  const to = newBelow ? at : end
  const fresh = allocVma(k, mm, from, to, get(k, vma, VMA.object), pgoff + from - start)
  if (fresh === 0) {
    unchargeVmas(k, mm, 1)
    return false
  }
  passSlow(SPLIT, at, newBelow ? 1 : 0)
  k.policy.startWrite(mm, vma)
  k.policy.startWrite(mm, fresh)
  Atomics.store(k.w, fresh + VMA.anon_vma, get(k, vma, VMA.anon_vma))
  if (!anonVmaClone(k, fresh, vma)) {
    unchargeVmas(k, mm, 1)
    freeVma(k, fresh)
    return false
  }
  setFlags(k, fresh, get(k, vma, VMA.vm_flags))
  k.policy.attach(fresh)
  lockRmap(k, vma)
  if (get(k, vma, VMA.object) !== 0) linkLocked(k, fresh, vma)
  if (newBelow) setRange(k, vma, at, end)
  else setRange(k, vma, start, at)
  unlockRmap(k, vma)
  storeRange(k, mm, from, to, fresh)
  return true
}
