/**
 * Treiber's stack with a count of changes beside the top's number. Nodes are used again at once; a pop that was
 * overtaken finds another count and tries again, although the same node may be on top. What it read meanwhile may be
 * the link of a freed node: nodes stay nodes, and the value is thrown away.
 *
 * R. K. Treiber, "Systems programming: coping with parallelism", IBM Research Report RJ 5118, 1986.
 */
import type { ArenaBuilder, Region } from '../shm/arena.ts'
import { struct } from '../shm/layout.ts'
import { bug, pass, site } from '../shm/sites.ts'
import type { SlabImage } from '../shm/slab.ts'
import { initNodes, Nodes, nodeRegion } from './nodes.ts'
import { changedTo, numberIn, replacedBy, TAGGED_NODES_MAX } from './tagged.ts'

const STACK = struct('stack', { top: 'count of changes and number of the node on top' })

export interface TaggedStackImage {
  readonly stack: Region
  readonly nodes: SlabImage
}

const SITE_PUSH = site('treiber/push')
const SITE_POP = site('treiber/pop')

/** The count in the top never changes: a plain index. */
const successor = bug('treiber-untagged') ? replacedBy : changedTo

/** Reserves an empty stack of at most `capacity` values (at most 1023). */
export function taggedStackRegion(builder: ArenaBuilder, capacity: number): TaggedStackImage {
  if (capacity > TAGGED_NODES_MAX) throw new RangeError(`a stack of ${capacity} nodes, at most ${TAGGED_NODES_MAX}`)
  return { stack: builder.region('stack', STACK, 1, { ownLines: true }), nodes: nodeRegion(builder, capacity) }
}

export const initTaggedStack = (w: Int32Array, image: TaggedStackImage): void => initNodes(w, image.nodes)

/** A thread's handle. */
export class TaggedStack {
  readonly #w: Int32Array
  readonly #top: number
  readonly #nodes: Nodes
  retries = 0

  constructor(w: Int32Array, image: TaggedStackImage) {
    this.#w = w
    this.#top = image.stack.base + STACK.top
    this.#nodes = new Nodes(w, image.nodes)
  }

  /** False when all nodes are in use. */
  put(value: number): boolean {
    const w = this.#w
    const node = this.#nodes.alloc(value)
    if (node === 0) return false
    for (;;) {
      const top = Atomics.load(w, this.#top, 'relaxed')
      Atomics.store(w, this.#nodes.next(node), numberIn(top), 'relaxed')
      pass(SITE_PUSH, node, top)
      // Release: who finds the node finds its link and its value.
      if (Atomics.compareExchange(w, this.#top, top, successor(top, node), 'release') === top) return true
      this.retries++
    }
  }

  /** The value pushed last; 0 when empty. */
  take(): number {
    const w = this.#w
    for (;;) {
      // Acquire: the link is read after it.
      const top = Atomics.load(w, this.#top, 'acquire')
      const node = numberIn(top)
      if (node === 0) return 0
      const below = Atomics.load(w, this.#nodes.next(node), 'relaxed')
      pass(SITE_POP, node, below)
      // Full order; when it succeeds the link was read while the node was on top.
      if (Atomics.compareExchange(w, this.#top, top, successor(top, below)) === top) return this.#nodes.take(node)
      this.retries++
    }
  }

  /** For tests: see `Nodes.shuffle`. */
  shuffle(): void {
    this.#nodes.shuffle()
  }

  /** For a thread that leaves. It leaves no nodes behind. */
  leave(): number {
    this.#nodes.putBack()
    return 0
  }

  /** Nodes in use. */
  live(): number {
    return this.#nodes.live()
  }
}
