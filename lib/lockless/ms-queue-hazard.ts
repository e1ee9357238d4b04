/**
 * The queue of Michael and Scott under hazard pointers: no counts, and nobody reads a node that was freed. Who takes
 * holds two nodes, the dummy and the one behind it, whose value it reads.
 *
 * M. M. Michael, "Hazard pointers: safe memory reclamation for lock-free objects", IEEE TPDS 15(6), 2004, figure 6.
 */
import type { ArenaBuilder, Region } from '../shm/arena.ts'
import { struct } from '../shm/layout.ts'
import { pass, site } from '../shm/sites.ts'
import type { SlabImage } from '../shm/slab.ts'
import { type HazardImage, HazardPointers, hazardRegion } from '../sync/hazard-pointers.ts'
import { initNodes, Nodes, nodeRegion } from './nodes.ts'

const HEAD = struct('head', { node: 'number of the dummy; the first value is behind it' })
const TAIL = struct('tail', { node: 'number of the last node or the last but one' })

export interface HazardQueueImage {
  readonly head: Region
  readonly tail: Region
  readonly nodes: SlabImage
  readonly hazards: HazardImage
}

const SITE_ENQUEUE = site('ms-queue-hazard/enqueue')
const SITE_DEQUEUE = site('ms-queue-hazard/dequeue')

/** Reserves a queue of at most `capacity` values, for so many threads. */
export const hazardQueueRegion = (builder: ArenaBuilder, capacity: number, threads: number): HazardQueueImage => ({
  head: builder.region('head', HEAD, 1, { ownLines: true }),
  tail: builder.region('tail', TAIL, 1, { ownLines: true }),
  // One more for the dummy.
  nodes: nodeRegion(builder, capacity + 1),
  hazards: hazardRegion(builder, threads),
})

/** Makes the queue empty. Once, before any thread starts. */
export function initHazardQueue(w: Int32Array, image: HazardQueueImage): void {
  initNodes(w, image.nodes)
  const nodes = new Nodes(w, image.nodes)
  const dummy = nodes.alloc(0)
  Atomics.store(w, nodes.next(dummy), 0)
  Atomics.store(w, image.head.base + HEAD.node, dummy)
  Atomics.store(w, image.tail.base + TAIL.node, dummy)
}

/** A thread's handle. */
export class HazardQueue {
  readonly #w: Int32Array
  readonly #head: number
  readonly #tail: number
  readonly #nodes: Nodes
  readonly #hazards: HazardPointers
  retries = 0

  /** @param id number of the thread, from 0 */
  constructor(w: Int32Array, image: HazardQueueImage, id: number) {
    this.#w = w
    this.#head = image.head.base + HEAD.node
    this.#tail = image.tail.base + TAIL.node
    this.#nodes = new Nodes(w, image.nodes)
    this.#hazards = new HazardPointers(w, image.hazards, id, node => this.#nodes.free(node))
  }

  /** Appends a value; false when all nodes are in use, or wait to be freed. */
  put(value: number): boolean {
    const w = this.#w
    const node = this.#nodes.alloc(value)
    if (node === 0) return false
    Atomics.store(w, this.#nodes.next(node), 0, 'relaxed')
    for (; ; this.retries++) {
      const tail = this.#hazards.protect(0, this.#tail)
      pass(SITE_ENQUEUE, node, tail)
      // The tail is held, so its link is one of a node in the queue: 0 as long as it is the last.
      const next = this.#nodes.link(tail)
      if (next !== 0) this.#moveTail(tail, next)
      // Release: who finds the node finds its value.
      else if (Atomics.compareExchange(w, this.#nodes.next(tail), 0, node, 'release') === 0) {
        this.#moveTail(tail, node)
        this.#hazards.clear(0)
        return true
      }
    }
  }

  /** The value appended first; 0 when empty. */
  take(): number {
    const w = this.#w
    for (; ; this.retries++) {
      const head = this.#hazards.protect(0, this.#head)
      const tail = Atomics.load(w, this.#tail, 'acquire')
      const next = this.#nodes.link(head)
      pass(SITE_DEQUEUE, head, next)
      // The node behind is in the queue as long as the head has not moved on.
      if (!this.#hazards.announce(1, next, this.#head, head)) continue
      if (next === 0) return this.#leave(0)
      if (head === tail) {
        this.#moveTail(tail, next)
        continue
      }
      if (Atomics.compareExchange(w, this.#head, head, next) !== head) continue
      const value = this.#nodes.value(next)
      this.#leave(value)
      this.#hazards.retire(head)
      return value
    }
  }

  #moveTail(tail: number, next: number): void {
    // If it fails somebody has helped.
    Atomics.compareExchange(this.#w, this.#tail, tail, next, 'release')
  }

  #leave(value: number): number {
    this.#hazards.clear(0)
    this.#hazards.clear(1)
    return value
  }

  /** For tests: see `Nodes.shuffle`. */
  shuffle(): void {
    this.#nodes.shuffle()
  }

  /** Nodes in use, or waiting to be freed; the dummy included. */
  live(): number {
    return this.#nodes.live()
  }

  /** For a thread that leaves: frees what nobody looks at; returns how many nodes it leaves behind. */
  leave(): number {
    this.#nodes.putBack()
    return this.#hazards.leave()
  }
}
