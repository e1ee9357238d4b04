/**
 * Treiber's stack whose nodes are freed by epochs: all of a pop lies between `enter` and `exit`, and a node that was
 * popped is freed when every thread that might have found it has left.
 *
 * K. Fraser, "Practical lock-freedom", PhD thesis, University of Cambridge, UCAM-CL-TR-579, 2004, section 5.2.3.
 */
import type { ArenaBuilder, Region } from '../shm/arena.ts'
import { struct } from '../shm/layout.ts'
import { pass, site } from '../shm/sites.ts'
import type { SlabImage } from '../shm/slab.ts'
import { type EpochImage, Epochs, epochRegion } from '../sync/epoch.ts'
import { initNodes, Nodes, nodeRegion } from './nodes.ts'

const STACK = struct('stack', { top: 'number of the node on top' })

export interface EpochStackImage {
  readonly stack: Region
  readonly nodes: SlabImage
  readonly epochs: EpochImage
}

const SITE_POP = site('treiber-epoch/pop')

/** Reserves an empty stack of at most `capacity` values, for so many threads. */
export const epochStackRegion = (builder: ArenaBuilder, capacity: number, threads: number): EpochStackImage => ({
  stack: builder.region('stack', STACK, 1, { ownLines: true }),
  nodes: nodeRegion(builder, capacity),
  epochs: epochRegion(builder, threads),
})

export const initEpochStack = (w: Int32Array, image: EpochStackImage): void => initNodes(w, image.nodes)

/** A thread's handle. */
export class EpochStack {
  readonly #w: Int32Array
  readonly #top: number
  readonly #nodes: Nodes
  readonly #epochs: Epochs
  retries = 0

  /** @param id number of the thread, from 0 */
  constructor(w: Int32Array, image: EpochStackImage, id: number) {
    this.#w = w
    this.#top = image.stack.base + STACK.top
    this.#nodes = new Nodes(w, image.nodes)
    this.#epochs = new Epochs(w, image.epochs, id, node => this.#nodes.free(node))
  }

  /** False when all nodes are in use, or wait to be freed. */
  put(value: number): boolean {
    const w = this.#w
    const node = this.#nodes.alloc(value)
    if (node === 0) {
      // Whoever is short of nodes helps the epoch along.
      this.#epochs.reclaim()
      return false
    }
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
    this.#epochs.enter()
    const node = this.#pop()
    const value = node === 0 ? 0 : this.#nodes.value(node)
    if (node !== 0) this.#epochs.retire(node)
    this.#epochs.exit()
    return value
  }

  #pop(): number {
    const w = this.#w
    for (;;) {
      // Acquire: the link is read after it.
      const node = Atomics.load(w, this.#top, 'acquire')
      if (node === 0) return 0
      const below = this.#nodes.link(node)
      pass(SITE_POP, node, below)
      if (Atomics.compareExchange(w, this.#top, node, below) === node) return node
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

  /** For a thread that leaves: returns how many nodes it leaves behind. */
  leave(): number {
    this.#nodes.putBack()
    return this.#epochs.leave()
  }
}
