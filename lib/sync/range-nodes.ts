/** The cells of range locks, and each thread's supply of nodes for their lists. */
import { type ArenaBuilder, objectAt, type Region } from '../shm/arena.ts'
import type { Cpu } from '../shm/cpu.ts'
import { struct } from '../shm/layout.ts'
import { initSlab, Slab, type SlabImage, slabRegion } from '../shm/slab.ts'
import type { Rcu } from './rcu.ts'
import { RWSEM } from './rwsem.ts'

export const RANGE_LOCK = struct('range_lock', {
  head: 'word of the first node; + 1: it is the only one, and its owner may take it out by itself',
  impatient: 'threads that were overtaken too often; while there are any, newcomers queue',
})

export const RANGE_NODE = struct('range_node', {
  next: 'word of the next node; + 1: released',
  start: 'first of the range',
  end: 'first behind the range',
  reader: '1: shares the range with other readers',
  serial: 'odd while the node is in use, greater with each use',
})

/** In a node's `next`: released. In the head: the only node, taken by the short way. */
export const MARK = 1

/** Unlocked nodes of one thread that may wait for others to unlink them, or for a grace period. */
const NODES_PER_CPU = 384
/** Free nodes that a thread keeps for itself. */
const CACHED_NODES = 32
/** Nodes a thread retires before it looks after their grace periods. */
const RETIRED_PER_POLL = 32
export interface RangeLockImage {
  readonly locks: Region
  /** One for each lock: where the impatient and the newcomers meet. */
  readonly queues: Region
  readonly nodes: SlabImage
}

/** Reserves so many range locks. */
export function rangeLockRegion(builder: ArenaBuilder, locks: number, cpus: number): RangeLockImage {
  return {
    locks: builder.region('range_lock', RANGE_LOCK, locks, { ownLines: true }),
    queues: builder.region('range_lock_queue', RWSEM, locks, { ownLines: true }),
    nodes: slabRegion(builder, 'range_node', RANGE_NODE, NODES_PER_CPU * cpus, { ownLines: true }),
  }
}

/** Once, before any thread starts. */
export function initRangeLocks(w: Int32Array, image: RangeLockImage): void {
  initSlab(w, image.nodes)
  const { objects } = image.nodes
  for (let n = 0; n < objects.count; n++) Atomics.store(w, objectAt(objects, n) + RANGE_NODE.serial, 0)
}

/** Ranges of a lock that are held; for audits, with all threads gone. */
export function heldRanges(w: Int32Array, image: RangeLockImage, lock: number): number {
  let held = 0
  let node = Atomics.load(w, objectAt(image.locks, lock) + RANGE_LOCK.head) & ~MARK
  while (node !== 0) {
    const next = Atomics.load(w, node + RANGE_NODE.next)
    if (!(next & MARK)) held++
    node = next & ~MARK
  }
  return held
}

/** A thread's nodes, for all range locks of an image. */
export class RangeNodes {
  readonly #w: Int32Array
  readonly #rcu: Rcu
  readonly #slab: Slab
  readonly #cache: number[] = []
  readonly #reclaim: (node: number) => void
  #retired = 0

  constructor(cpu: Cpu, image: RangeLockImage, rcu: Rcu) {
    this.#w = cpu.w
    this.#rcu = rcu
    // Late walkers and those who wait look at all cells: nothing is poisoned.
    this.#slab = new Slab(cpu.w, image.nodes, image.nodes.objects.stride)
    this.#reclaim = node => {
      Atomics.add(this.#w, node + RANGE_NODE.serial, 1)
      this.free(node)
    }
  }

  /** A node, to be used by nobody else; may wait for a grace period. */
  take(): number {
    if (this.#retired >= RETIRED_PER_POLL) {
      this.#retired = 0
      this.#rcu.poll()
    }
    return this.#cache.pop() ?? this.#takeShared()
  }

  #takeShared(): number {
    for (;;) {
      const node = this.#slab.alloc()
      if (node !== 0) return node
      // Enough for all threads, but they may sit in callbacks of ours.
      this.#rcu.synchronize()
    }
  }

  /** Gives back a node that nobody else has seen, or has reason to look at. */
  free(node: number): void {
    if (this.#cache.length < CACHED_NODES) this.#cache.push(node)
    else this.#slab.free(node)
  }

  /** Gives back a node that was unlinked. */
  retire(node: number): void {
    this.#retired++
    this.#rcu.call(this.#reclaim, node)
  }
}
