/**
 * The VMA store of an address space: sorted ranges in an immutable node behind one word, in the place of the kernel's
 * maple tree and with its contract. Readers walk it under RCU, or under mmap_lock. A writer, who holds mmap_lock for
 * write, copies the node, publishes the copy by one store, marks the old one dead and frees it after a grace period.
 * An operation of several steps publishes each of them: readers see the gaps in between.
 */
import { violated } from '../check/oracle.ts'
import { POISON } from '../shm/arena.ts'
import { passSlow, site } from '../shm/sites.ts'
import type { Kernel, Mm } from './kernel.ts'
import { RANGE_WORDS, VMA_NODE } from './layout.ts'

const RANGES_AT = VMA_NODE.count + 1
const START = 0
const END = 1
const OBJECT = 2

const PUBLISH = site('vma-store/publish')

/** The VMA whose range holds `vpn`, or 0. A reader sees one version of the store, old or new, never a mix. */
export function findVma(k: Kernel, mm: Mm, vpn: number): number {
  const w = k.w
  for (;;) {
    const node = Atomics.load(w, mm.root, 'acquire')
    const serial = Atomics.load(w, node + VMA_NODE.serial)
    const at = lastRangeFrom(k, node, vpn)
    const vma = at !== 0 && vpn < Atomics.load(w, at + END) ? Atomics.load(w, at + OBJECT) : 0
    const now = Atomics.load(w, node + VMA_NODE.serial)
    // Odd: a newer node was published while we looked. What we found was current when we began, but a writer may be
    // past it by now: look again, as a walker does that finds its maple node dead.
    if (now === serial && (serial & 1) === 0 && serial !== POISON) return vma
    if (serial === POISON || (now !== serial && now !== (serial | 1)))
      violated('GEN', `VMA node ${node} was freed while a reader walked it: serial ${serial}, then ${now}`)
  }
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

/** First VMA that ends behind `vpn`, or 0. Under mmap_lock. */
export function findVmaFrom(k: Kernel, mm: Mm, vpn: number): number {
  const node = Atomics.load(k.w, mm.root)
  const count = Atomics.load(k.w, node + VMA_NODE.count)
  for (let n = 0; n < count; n++)
    if (Atomics.load(k.w, rangeAt(node, n) + END) > vpn) return Atomics.load(k.w, rangeAt(node, n) + OBJECT)
  return 0
}

/** Last VMA that starts before `vpn`, or 0. Under mmap_lock. */
export function findVmaBefore(k: Kernel, mm: Mm, vpn: number): number {
  const at = lastRangeFrom(k, Atomics.load(k.w, mm.root), vpn - 1)
  return at === 0 ? 0 : Atomics.load(k.w, at + OBJECT)
}

/**
 * Maps [start, end) to a VMA, or to nothing with 0, whatever was there before: what lies across the borders keeps its
 * part outside. mmap_lock held for write; the caller has made sure that two more ranges fit.
 */
export function storeRange(k: Kernel, mm: Mm, start: number, end: number, vma: number): void {
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
  k.retireNode(old)
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
