/**
 * The queue of Michael and Scott with counted links: a list with a dummy in front, whose tail may lag behind by one
 * node; who finds it so helps. Head, tail and every link carry a count of changes, so that a node can be used again as
 * soon as it has left the queue: its link goes on counting through all its lives.
 *
 * M. M. Michael and M. L. Scott, "Simple, fast, and practical non-blocking and blocking concurrent queue algorithms",
 * PODC 1996, figure 1.
 */
import { violated } from '../check/oracle.ts'
import type { ArenaBuilder, Region } from '../shm/arena.ts'
import { struct } from '../shm/layout.ts'
import { bug, pass, site } from '../shm/sites.ts'
import type { SlabImage } from '../shm/slab.ts'
import { initNodes, Nodes, nodeRegion } from './nodes.ts'
import { changedTo, numberIn, TAGGED_NODES_MAX } from './tagged.ts'

const HEAD = struct('head', { node: 'count and number of the dummy; the first value is behind it' })
const TAIL = struct('tail', { node: 'count and number of the last node or the last but one' })

export interface MsQueueImage {
  readonly head: Region
  readonly tail: Region
  readonly nodes: SlabImage
}

const SITE_ENQUEUE = site('ms-queue/enqueue')
const SITE_LINKED = site('ms-queue/linked')
const SITE_LAGGING = site('ms-queue/tail-lags')
const SITE_DEQUEUE = site('ms-queue/dequeue')

/** What was read behind the tail is believed although the tail may have moved. */
const NO_TAIL_RECHECK = bug('ms-queue-no-tail-recheck')
/** Who takes a node does not care whether the tail has come past it. */
const NO_HELP = bug('ms-queue-no-help')

/** Reserves a queue of at most `capacity` values (at most 1022). */
export function msQueueRegion(builder: ArenaBuilder, capacity: number): MsQueueImage {
  // One more for the dummy.
  if (capacity >= TAGGED_NODES_MAX) throw new RangeError(`a queue of ${capacity}, at most ${TAGGED_NODES_MAX - 1}`)
  return {
    head: builder.region('head', HEAD, 1, { ownLines: true }),
    tail: builder.region('tail', TAIL, 1, { ownLines: true }),
    nodes: nodeRegion(builder, capacity + 1),
  }
}

/** Makes the queue empty. Once, before any thread starts. */
export function initMsQueue(w: Int32Array, image: MsQueueImage): void {
  initNodes(w, image.nodes)
  const nodes = new Nodes(w, image.nodes, true)
  const dummy = nodes.alloc(0)
  // Links count on from whatever they hold; only that they name no node matters.
  for (let node = 1; node <= image.nodes.objects.count; node++) Atomics.store(w, nodes.next(node), 0)
  Atomics.store(w, image.head.base + HEAD.node, dummy)
  Atomics.store(w, image.tail.base + TAIL.node, dummy)
}

/** A thread's handle. */
export class MsQueue {
  readonly #w: Int32Array
  readonly #head: number
  readonly #tail: number
  readonly #nodes: Nodes
  retries = 0

  constructor(w: Int32Array, image: MsQueueImage) {
    this.#w = w
    this.#head = image.head.base + HEAD.node
    this.#tail = image.tail.base + TAIL.node
    this.#nodes = new Nodes(w, image.nodes, true)
  }

  /** Appends a value; false when all nodes are in use. */
  put(value: number): boolean {
    const w = this.#w
    const node = this.#nodes.alloc(value)
    if (node === 0) return false
    // A new count, too: who still holds what the link said in the node's former life must fail.
    const own = this.#nodes.next(node)
    Atomics.store(w, own, changedTo(Atomics.load(w, own, 'relaxed'), 0), 'relaxed')
    for (; ; this.retries++) {
      const tail = Atomics.load(w, this.#tail, 'acquire')
      const link = this.#nodes.next(numberIn(tail))
      pass(SITE_ENQUEUE, node, tail)
      const next = Atomics.load(w, link, 'acquire')
      const live = this.#nodes.isLive(numberIn(tail))
      // Was the node the last when its link was read? Full order: after the link. Otherwise it may be in nobody's queue
      // by now, and what is hung behind it is lost.
      if (!NO_TAIL_RECHECK) {
        if (Atomics.load(w, this.#tail) !== tail) continue
        // It was the tail all the time, so it was in the queue, and not free or ours.
        if (!live || numberIn(tail) === node)
          violated('GEN', `the tail names node[${numberIn(tail) - 1}], which was freed`)
      }
      if (numberIn(next) !== 0) this.#help(tail, next)
      // Release: who finds the node finds its value.
      else if (Atomics.compareExchange(w, link, next, changedTo(next, node), 'release') === next) {
        pass(SITE_LINKED, node, tail)
        // If it fails somebody has helped.
        Atomics.compareExchange(w, this.#tail, tail, changedTo(tail, node), 'release')
        return true
      }
    }
  }

  /** The value appended first; 0 when empty. */
  take(): number {
    const w = this.#w
    for (; ; this.retries++) {
      const head = Atomics.load(w, this.#head, 'acquire')
      // The tail after the head: so it is never behind the head read.
      const tail = Atomics.load(w, this.#tail, 'acquire')
      const next = Atomics.load(w, this.#nodes.next(numberIn(head)), 'acquire')
      // Do the three belong together? Full order: after all of them.
      if (Atomics.load(w, this.#head) !== head) continue
      pass(SITE_DEQUEUE, head, next)
      if (numberIn(next) === 0) return 0
      if (numberIn(head) === numberIn(tail) && !NO_HELP) {
        this.#help(tail, next)
        continue
      }
      // Before the swap: afterwards another thread may take and free that node.
      const value = this.#nodes.peek(numberIn(next))
      if (Atomics.compareExchange(w, this.#head, head, changedTo(head, numberIn(next))) !== head) continue
      this.#nodes.free(numberIn(head))
      return value
    }
  }

  /** Moves a tail that lags behind. */
  #help(tail: number, next: number): void {
    pass(SITE_LAGGING, tail, next)
    Atomics.compareExchange(this.#w, this.#tail, tail, changedTo(tail, numberIn(next)), 'release')
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

  /** Nodes in use, the dummy included. */
  live(): number {
    return this.#nodes.live()
  }
}
