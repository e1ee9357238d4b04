/**
 * The VMA store of an address space: sorted ranges in an immutable node behind one word, in the place of the kernel's
 * maple tree and with its contract. Readers walk it under RCU. A writer copies the node, publishes the copy by one
 * store, marks the old one dead and frees it after a grace period; writers exclude each other by a lock of the store's
 * own, since only some policies do so anyway. An operation of several steps publishes each of them: readers see the gaps
 * in between.
 *
 * What the store says of a range is stable for who has locked that range (see `Policy`), and the VMA found there may be
 * looked at. What it says of anything else may be history by the time it is returned.
 */
import { violated } from '../../check/oracle.ts'
import { POISON } from '../../shm/arena.ts'
import { pass, passSlow, site } from '../../shm/sites.ts'
import { spinLock, spinUnlock } from '../../sync/spinlock.ts'
import type { Kernel } from '../kernel.ts'
import { RANGE_WORDS, VMA_NODE } from '../layout.ts'
import type { Mm } from '../mm.ts'

const RANGES_AT = VMA_NODE.count + 1
const START = 0
const END = 1
const OBJECT = 2

/** Of a node: look at the new one. */
const DEAD = -1

const PUBLISH = site('vma-store/publish')
const WALK = site('vma-store/walk')

/** The VMA whose range holds `vpn`, or 0. A reader sees one version of the store, old or new, never a mix. */
export function findVma(k: Kernel, mm: Mm, vpn: number): number {
  for (;;) {
    const node = Atomics.load(k.w, mm.root, 'acquire')
    const vma = lookUp(k, node, Atomics.load(k.w, node + VMA_NODE.serial), vpn)
    if (vma !== DEAD) return vma
  }
}

/** As `findVma`, with room for others between coming to the node and looking into it. */
export function findVmaSlowly(k: Kernel, mm: Mm, vpn: number): number {
  for (;;) {
    const node = Atomics.load(k.w, mm.root, 'acquire')
    const serial = Atomics.load(k.w, node + VMA_NODE.serial)
    pass(WALK, vpn, serial)
    const vma = lookUp(k, node, serial, vpn)
    if (vma !== DEAD) return vma
  }
}

/** What a node that had this serial says of a page: a VMA, or 0; DEAD if it was replaced meanwhile. */
function lookUp(k: Kernel, node: number, serial: number, vpn: number): number {
  const w = k.w
  const at = lastRangeFrom(k, node, vpn)
  const vma = at !== 0 && vpn < Atomics.load(w, at + END) ? Atomics.load(w, at + OBJECT) : 0
  const now = Atomics.load(w, node + VMA_NODE.serial)
  // Odd: a newer node was published while we looked. What we found was current when we began, but a writer may be past
  // it by now: look again, as a walker does that finds its maple node dead.
  if (now === serial && (serial & 1) === 0 && serial !== POISON) return vma
  if (serial === POISON || (now !== serial && now !== (serial | 1)))
    violated('GEN', `VMA node ${node} was freed while a reader walked it: serial ${serial}, then ${now}`)
  return DEAD
}

/** Word of the last range that starts at or before `vpn`, or 0. */
function lastRangeFrom(k: Kernel, node: number, vpn: number): number {
  let high = Atomics.load(k.w, node + VMA_NODE.count)
  // Only a freed and recycled node can hold nonsense; the serial will tell, once the search has ended.
  if (high < 0 || high > k.image.options.mapCount) high = 0
  let low = 0
  while (low < high) {
    const middle = (low + high) >>> 1
    if (Atomics.load(k.w, rangeAt(node, middle) + START) <= vpn) low = middle + 1
    else high = middle
  }
  return low === 0 ? 0 : rangeAt(node, low - 1)
}

function rangeAt(node: number, n: number): number {
  return node + RANGES_AT + n * RANGE_WORDS
}

/** First VMA that ends behind `vpn`, or 0; for who has locked all pages. */
export function findVmaFrom(k: Kernel, mm: Mm, vpn: number): number {
  return findVmaIn(k, mm, vpn, NO_BORDER)
}

/** Last VMA that starts before `vpn`, or 0; for who has locked all pages. */
export function findVmaBefore(k: Kernel, mm: Mm, vpn: number): number {
  k.rcu.readLock()
  const at = lastRangeFrom(k, Atomics.load(k.w, mm.root, 'acquire'), vpn - 1)
  const vma = at === 0 ? 0 : Atomics.load(k.w, at + OBJECT)
  k.rcu.readUnlock()
  return vma
}

/** First VMA that overlaps [start, end), or 0. */
export function findVmaIn(k: Kernel, mm: Mm, start: number, end: number): number {
  k.rcu.readLock()
  const node = Atomics.load(k.w, mm.root, 'acquire')
  const count = Atomics.load(k.w, node + VMA_NODE.count)
  let vma = 0
  for (let n = 0; n < count; n++) {
    const at = rangeAt(node, n)
    if (Atomics.load(k.w, at + END) <= start) continue
    if (Atomics.load(k.w, at + START) < end) vma = Atomics.load(k.w, at + OBJECT)
    break
  }
  k.rcu.readUnlock()
  return vma
}

/** The VMA that ends where `vpn` begins, or 0. */
export function vmaEndingAt(k: Kernel, mm: Mm, vpn: number): number {
  k.rcu.readLock()
  const at = lastRangeFrom(k, Atomics.load(k.w, mm.root, 'acquire'), vpn - 1)
  const vma = at !== 0 && Atomics.load(k.w, at + END) === vpn ? Atomics.load(k.w, at + OBJECT) : 0
  k.rcu.readUnlock()
  return vma
}

/** The VMA that starts at `vpn`, or 0. */
export function vmaStartingAt(k: Kernel, mm: Mm, vpn: number): number {
  k.rcu.readLock()
  const at = lastRangeFrom(k, Atomics.load(k.w, mm.root, 'acquire'), vpn)
  const vma = at !== 0 && Atomics.load(k.w, at + START) === vpn ? Atomics.load(k.w, at + OBJECT) : 0
  k.rcu.readUnlock()
  return vma
}

/** Where the last range that ends at or before `vpn` ends; 0 when there is none. */
export function borderBefore(k: Kernel, mm: Mm, vpn: number): number {
  k.rcu.readLock()
  const node = Atomics.load(k.w, mm.root, 'acquire')
  const count = Atomics.load(k.w, node + VMA_NODE.count)
  let border = 0
  for (let n = 0; n < count; n++) {
    const end = Atomics.load(k.w, rangeAt(node, n) + END)
    if (end > vpn) break
    border = end
  }
  k.rcu.readUnlock()
  return border
}

/** Where the first range that starts at or behind `vpn` starts; beyond all pages when there is none. */
export function borderBehind(k: Kernel, mm: Mm, vpn: number): number {
  k.rcu.readLock()
  const node = Atomics.load(k.w, mm.root, 'acquire')
  const count = Atomics.load(k.w, node + VMA_NODE.count)
  let border = NO_BORDER
  for (let n = count - 1; n >= 0; n--) {
    const start = Atomics.load(k.w, rangeAt(node, n) + START)
    if (start < vpn) break
    border = start
  }
  k.rcu.readUnlock()
  return border
}

/**
 * The pages that a change of [start, end) may spread to: it may split the VMAs that reach across its borders, merge with
 * those that touch it, and free tables in the gaps beside it. Written to `reach`, as [from, to).
 */
export function reachOf(k: Kernel, mm: Mm, start: number, end: number, reach: [number, number]): void {
  k.rcu.readLock()
  const node = Atomics.load(k.w, mm.root, 'acquire')
  const count = Atomics.load(k.w, node + VMA_NODE.count)
  reach[0] = 0
  reach[1] = mm.pages
  for (let n = 0; n < count; n++) {
    const from = Atomics.load(k.w, rangeAt(node, n) + START)
    const to = Atomics.load(k.w, rangeAt(node, n) + END)
    if (from < start) reach[0] = to < start ? to : from
    if (to > end) {
      reach[1] = from > end ? from : to
      break
    }
  }
  k.rcu.readUnlock()
}

const NO_BORDER = Number.MAX_SAFE_INTEGER

/** Counts one VMA more, before it is put into the store; false: there would be too many. */
export function chargeVma(k: Kernel, mm: Mm): boolean {
  if (Atomics.add(k.w, mm.mapCount, 1) < k.image.options.mapCount) return true
  unchargeVmas(k, mm, 1)
  return false
}

/** Counts VMAs less, after they were taken out of the store. */
export function unchargeVmas(k: Kernel, mm: Mm, count: number): void {
  Atomics.sub(k.w, mm.mapCount, count)
}

/**
 * Maps [start, end) to a VMA, or to nothing with 0, whatever was there before: what lies across the borders keeps its
 * part outside. The range is locked for write, and a VMA that is new to the store was charged.
 */
export function storeRange(k: Kernel, mm: Mm, start: number, end: number, vma: number): void {
  spinLock(k.cpu, mm.storeLock)
  const old = replaceNode(k, mm, start, end, vma)
  spinUnlock(k.cpu, mm.storeLock)
  k.retireNode(old)
}

/** Returns the dead node. */
function replaceNode(k: Kernel, mm: Mm, start: number, end: number, vma: number): number {
  const w = k.w
  const old = Atomics.load(w, mm.root)
  const node = allocNode(k)
  const oldCount = Atomics.load(w, old + VMA_NODE.count)
  let count = 0
  let placed = vma === 0
  for (let n = 0; n < oldCount; n++) {
    const at = rangeAt(old, n)
    const from = Atomics.load(w, at + START)
    const to = Atomics.load(w, at + END)
    const owner = Atomics.load(w, at + OBJECT)
    if (from < start) putRange(k, node, count++, from, Math.min(to, start), owner)
    if (!placed && to > start) {
      putRange(k, node, count++, start, end, vma)
      placed = true
    }
    if (to > end) putRange(k, node, count++, Math.max(from, end), to, owner)
  }
  if (!placed) putRange(k, node, count++, start, end, vma)
  Atomics.store(w, node + VMA_NODE.count, count)
  // Release: a reader that finds the node finds its ranges.
  Atomics.store(w, mm.root, node, 'release')
  Atomics.add(w, old + VMA_NODE.serial, 1)
  passSlow(PUBLISH, mm.tag, count)
  return old
}

function putRange(k: Kernel, node: number, n: number, start: number, end: number, vma: number): void {
  if (n >= k.image.options.mapCount) violated('VMA', `more than ${k.image.options.mapCount} ranges in a VMA node`)
  const at = rangeAt(node, n)
  Atomics.store(k.w, at + START, start)
  Atomics.store(k.w, at + END, end)
  Atomics.store(k.w, at + OBJECT, vma)
}

/** An empty node with a serial of its own; also the first node of a new address space. */
export function allocNode(k: Kernel): number {
  const node = k.nodes.alloc()
  if (node === 0) violated('REF', 'VMA nodes are exhausted: grace periods do not keep up')
  // The generation is odd while the node lives, and greater with each use of it.
  Atomics.store(k.w, node + VMA_NODE.serial, k.nodes.generation(node) << 1)
  Atomics.store(k.w, node + VMA_NODE.count, 0)
  return node
}

/** Calls back for each range in order: for audits. */
export function eachRange(k: Kernel, mm: Mm, visit: (start: number, end: number, vma: number) => void): void {
  const node = Atomics.load(k.w, mm.root)
  const count = Atomics.load(k.w, node + VMA_NODE.count)
  for (let n = 0; n < count; n++) {
    const at = rangeAt(node, n)
    visit(Atomics.load(k.w, at + START), Atomics.load(k.w, at + END), Atomics.load(k.w, at + OBJECT))
  }
}
