/**
 * Treiber's stack whose nodes are freed under hazard pointers: who pops says first which node it is looking at, and
 * nobody frees that. So the top needs no count, since a node that somebody looks at cannot come back, and no thread
 * ever reads freed memory.
 *
 * M. M. Michael, "Hazard pointers: safe memory reclamation for lock-free objects", IEEE TPDS 15(6), 2004, figure 7.
 */
import type { ArenaBuilder, Region } from '../shm/arena.ts'
import { struct } from '../shm/layout.ts'
import { pass, site } from '../shm/sites.ts'
import type { SlabImage } from '../shm/slab.ts'
import { type HazardImage, HazardPointers, hazardRegion } from '../sync/hazard-pointers.ts'
import { initNodes, Nodes, nodeRegion } from './nodes.ts'

const STACK = struct('stack', { top: 'number of the node on top' })

export interface HazardStackImage {
  readonly stack: Region
  readonly nodes: SlabImage
  readonly hazards: HazardImage
}

const SITE_POP = site('treiber-hazard/pop')

/** Reserves an empty stack of at most `capacity` values, for so many threads. */
export const hazardStackRegion = (builder: ArenaBuilder, capacity: number, threads: number): HazardStackImage => ({
  stack: builder.region('stack', STACK, 1, { ownLines: true }),
  nodes: nodeRegion(builder, capacity),
  hazards: hazardRegion(builder, threads),
})

export const initHazardStack = (w: Int32Array, image: HazardStackImage): void => initNodes(w, image.nodes)

/** A thread's handle. */
export class HazardStack {
  readonly #w: Int32Array
  readonly #top: number
  readonly #nodes: Nodes
  readonly #hazards: HazardPointers
  retries = 0

  /** @param id number of the thread, from 0 */
  constructor(w: Int32Array, image: HazardStackImage, id: number) {
    this.#w = w
    this.#top = image.stack.base + STACK.top
    this.#nodes = new Nodes(w, image.nodes)
    this.#hazards = new HazardPointers(w, image.hazards, id, node => this.#nodes.free(node))
  }

  /** False when all nodes are in use, or wait to be freed. */
  put(value: number): boolean {
    const w = this.#w
    const node = this.#nodes.alloc(value)
    if (node === 0) return false
    for (;;) {
      const top = Atomics.load(w, this.#top, 'relaxed')
      Atomics.store(w, this.#nodes.next(node), top, 'relaxed')
      // Release: who finds the node finds its link and its value.
      if (Atomics.compareExchange(w, this.#top, top, node, 'release') === top) return true
      this.retries++
    }
  }

  /** The value pushed last; 0 when empty. */
  take(): number {
    const w = this.#w
    for (;;) {
      const node = this.#hazards.protect(0, this.#top)
      if (node === 0) return 0
      const below = this.#nodes.link(node)
      pass(SITE_POP, node, below)
      if (Atomics.compareExchange(w, this.#top, node, below) === node) {
        const value = this.#nodes.value(node)
        this.#hazards.clear(0)
        this.#hazards.retire(node)
        return value
      }
      this.retries++
    }
  }

  /** For tests: see `Nodes.shuffle`. */
  shuffle(): void {
    this.#nodes.shuffle()
  }

  /** Nodes in use, or waiting to be freed. */
  live(): number {
    return this.#nodes.live()
  }

  /** For a thread that leaves: frees what nobody looks at; returns how many nodes it leaves behind. */
  leave(): number {
    this.#nodes.putBack()
    return this.#hazards.leave()
  }
}
