/**
 * MCS lock: a queue of waiting threads, each of which spins on a cell of its own until the one before it hands the lock
 * over. First come, first served, and an unlock is seen by one thread only.
 *
 * Protocol: J. M. Mellor-Crummey, M. L. Scott, "Algorithms for Scalable Synchronization on Shared-Memory
 * Multiprocessors", TOCS 9(1), 1991; Linux, kernel/locking/mcs_spinlock.h. Deviation: nodes have numbers (CPU + 1), and
 * lie in the arena, one for each CPU and lock, since a node is in use for as long as its lock is held.
 *
 * Orders: the exchange of the tail publishes the node and takes a free lock, so it is in full order; the link to the
 * one before is a release (the node must be ready before it can be found), the look at the own cell an acquire, the
 * handing over a release. The compare-and-swap that frees the lock is a release.
 */
import { violated } from '../check/oracle.ts'
import { type ArenaBuilder, objectAt, type Region } from '../shm/arena.ts'
import type { Cpu } from '../shm/cpu.ts'
import { struct } from '../shm/layout.ts'
import type { Order } from '../shm/ordering.ts'
import { bug, pass, passSlow, site } from '../shm/sites.ts'

export const MCS_LOCK = struct('mcs_lock', { tail: 'last of the queue, its CPU + 1; 0: free' })

export const MCS_NODE = struct('mcs_node', {
  next: 'who is behind, its CPU + 1; 0: nobody, or somebody who has not said so yet',
  waits: '1: until the one before hands the lock over',
})

export interface McsImage {
  readonly locks: Region
  /** Those of the first lock, one a CPU, then those of the second, … */
  readonly nodes: Region
}

/** Reserves so many locks. */
export function mcsRegion(builder: ArenaBuilder, locks: number, cpus: number): McsImage {
  return {
    locks: builder.region('mcs_lock', MCS_LOCK, locks, { ownLines: true }),
    nodes: builder.region('mcs_node', MCS_NODE, locks * cpus, { ownLines: true }),
  }
}

const NONE = 0

const SITE_QUEUED = site('mcs-lock/queued')
const SITE_AWAIT_LINK = site('mcs-lock/await-link')
const SITE_HAND_OVER = site('mcs-lock/hand-over')

/** Leaves when it knows of nobody behind it, although there is somebody. */
const NO_WAIT = bug('mcs-unlock-no-wait')
const HAND_OVER_ORDER: Order = bug('mcs-hand-over-relaxed') ? 'relaxed' : 'release'

/** A thread's handle of one lock. */
export class McsLock {
  readonly #cpu: Cpu
  readonly #w: Int32Array
  readonly #tail: number
  readonly #nodes: Region
  /** Number of the lock's first node. */
  readonly #first: number
  readonly #me: number
  readonly #node: number
  #held = false

  /** @param lock its number in the image */
  constructor(cpu: Cpu, image: McsImage, lock: number) {
    this.#cpu = cpu
    this.#w = cpu.w
    this.#tail = objectAt(image.locks, lock) + MCS_LOCK.tail
    this.#nodes = image.nodes
    this.#first = lock * cpu.count
    this.#me = cpu.id + 1
    this.#node = this.#nodeOf(this.#me)
  }

  /** Queues, and spins until the lock is handed over. Taking it twice violates CNT. */
  lock(): void {
    if (this.#held) violated('CNT', `cpu ${this.#cpu.id} locks MCS lock ${this.#tail}, which it holds`)
    const w = this.#w
    this.#prepare()
    const before = Atomics.exchange(w, this.#tail, this.#me)
    if (before !== NONE) {
      pass(SITE_QUEUED, before, 0)
      Atomics.store(w, this.#nodeOf(before) + MCS_NODE.next, this.#me, 'release')
      for (let n = 0; Atomics.load(w, this.#node + MCS_NODE.waits, 'acquire') !== 0; n++) this.#cpu.relax(n)
    }
    this.#held = true
  }

  /** Never waits, never queues. */
  tryLock(): boolean {
    if (Atomics.load(this.#w, this.#tail, 'relaxed') !== NONE) return false
    this.#prepare()
    if (Atomics.compareExchange(this.#w, this.#tail, NONE, this.#me) !== NONE) return false
    this.#held = true
    return true
  }

  /** Hands the lock to who is behind. Unlocking what the thread does not hold violates CNT. */
  unlock(): void {
    if (!this.#held) violated('CNT', `cpu ${this.#cpu.id} unlocks MCS lock ${this.#tail}, which it does not hold`)
    this.#held = false
    const w = this.#w
    let next = Atomics.load(w, this.#node + MCS_NODE.next, 'acquire')
    if (next === NONE) {
      if (Atomics.compareExchange(w, this.#tail, this.#me, NONE, 'release') === this.#me) return
      next = this.#awaitLink()
      if (NO_WAIT && next === NONE) return
    }
    pass(SITE_HAND_OVER, next, 0)
    Atomics.store(w, this.#nodeOf(next) + MCS_NODE.waits, 0, HAND_OVER_ORDER)
  }

  /** Before the node can be found: who comes behind, or hands over, must not be overwritten. */
  #prepare(): void {
    Atomics.store(this.#w, this.#node + MCS_NODE.next, NONE, 'relaxed')
    Atomics.store(this.#w, this.#node + MCS_NODE.waits, 1, 'relaxed')
  }

  /** Somebody has taken the place behind us, and is about to say who it is. */
  #awaitLink(): number {
    passSlow(SITE_AWAIT_LINK, this.#tail, 0)
    for (let n = 0; ; n++) {
      const next = Atomics.load(this.#w, this.#node + MCS_NODE.next, 'acquire')
      if (NO_WAIT || next !== NONE) return next
      this.#cpu.relax(n)
    }
  }

  #nodeOf(number: number): number {
    return objectAt(this.#nodes, this.#first + number - 1)
  }
}
