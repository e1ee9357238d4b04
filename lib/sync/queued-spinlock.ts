/**
 * Queued spinlock, the kernel's: one word with three fields. Held, and nobody waits: `locked`. The first to wait sets
 * `pending` and spins on the word; who comes after it queues as in an MCS lock, `tail` being the end of the queue, and
 * the head of the queue waits until neither `locked` nor `pending` is set. So a node is in use only while its CPU
 * waits, and one for each CPU serves all locks; and two threads that contend touch nothing but the word.
 *
 * Protocol: Linux, kernel/locking/qspinlock.c (W. Long, P. Zijlstra, 2015), in its form for bit fields that are changed
 * by read-modify-writes of the whole word (as with 16K CPUs), since a store to part of a cell cannot be written here.
 * Deviations: one node a CPU where the kernel has four, since nothing here waits for a lock within an interrupt.
 *
 * Orders: taking is an acquire on each of its three ways (the first exchange; the look that finds `locked` gone; the
 * look that finds both gone), unlocking a release. Putting the node at the tail is a release, since it publishes the
 * node; so is the link to the node before, and the handing over of the queue's head.
 */
import { violated } from '../check/oracle.ts'
import { type ArenaBuilder, objectAt, type Region } from '../shm/arena.ts'
import type { Cpu } from '../shm/cpu.ts'
import { struct } from '../shm/layout.ts'
import { bug, pass, passSlow, site } from '../shm/sites.ts'

/** Embeddable. All zero is unlocked. */
export const QUEUED_SPINLOCK = struct('qspinlock', {
  val: 'bits 0 to 7 locked, 8 pending, from 16 the CPU + 1 at the tail of the queue',
})

export const QNODE = struct('qnode', {
  next: 'CPU + 1 of who is behind; 0: nobody, or somebody who has not said so yet',
  head: '1: the head of the queue was handed over to it',
})

const LOCKED = 1
const LOCKED_MASK = 0xff
const PENDING = 0x100
const TAIL_SHIFT = 16
const TAIL_MASK = 0xffff << TAIL_SHIFT
/** How often a thread looks again whether the pending one has become the owner, before it queues. */
const PENDING_LOOPS = 512

const SITE_PENDING = site('qspinlock/pending')
const SITE_QUEUED = site('qspinlock/queued')
const SITE_NEXT = site('qspinlock/next')

/** Who is pending takes the lock without waiting for its owner. */
const PENDING_NO_WAIT = bug('qspinlock-pending-no-wait')
/** The head of the queue does not heed who is pending. */
const HEAD_OVERTAKES = bug('qspinlock-head-ignores-pending')

/** The node is made ready when it can be found already. */
const NODE_LATE = bug('qspinlock-node-late')

/** One for each CPU; serves all queued spinlocks of an arena. */
export function qnodeRegion(builder: ArenaBuilder, cpus: number): Region {
  return builder.region('qnode', QNODE, cpus, { ownLines: true })
}

/** A thread's handle of one lock. */
export class QueuedSpinlock {
  readonly #cpu: Cpu
  readonly #w: Int32Array
  readonly #at: number
  readonly #nodes: Region
  readonly #node: number
  readonly #tail: number
  #held = false

  /**
   * @param nodes made by `qnodeRegion`, for as many CPUs as there are
   * @param at    base of a `QUEUED_SPINLOCK`, in words
   */
  constructor(cpu: Cpu, nodes: Region, at: number) {
    this.#cpu = cpu
    this.#w = cpu.w
    this.#at = at + QUEUED_SPINLOCK.val
    this.#nodes = nodes
    this.#node = objectAt(nodes, cpu.id)
    this.#tail = (cpu.id + 1) << TAIL_SHIFT
  }

  /** Spins until the lock is taken. Taking it twice violates CNT. */
  lock(): void {
    if (this.#held) violated('CNT', `cpu ${this.#cpu.id} locks queued spinlock ${this.#at}, which it holds`)
    const val = Atomics.compareExchange(this.#w, this.#at, 0, LOCKED, 'acquire')
    if (val !== 0 && !this.#lockPending(val)) this.#lockQueued()
    this.#held = true
  }

  /** Never waits, never queues. */
  tryLock(): boolean {
    if (Atomics.load(this.#w, this.#at, 'relaxed') !== 0) return false
    if (Atomics.compareExchange(this.#w, this.#at, 0, LOCKED, 'acquire') !== 0) return false
    this.#held = true
    return true
  }

  /** Unlocking what the thread does not hold violates CNT. */
  unlock(): void {
    if (!this.#held) violated('CNT', `cpu ${this.#cpu.id} unlocks queued spinlock ${this.#at}, which it does not hold`)
    this.#held = false
    const val = Atomics.sub(this.#w, this.#at, LOCKED, 'release')
    if ((val & LOCKED_MASK) !== LOCKED) violated('CNT', `queued spinlock ${this.#at} has ${val & LOCKED_MASK} owners`)
  }

  /** Tries to be the one who is pending; false: queue. */
  #lockPending(found: number): boolean {
    const w = this.#w
    let val = found
    // On its way from the pending one to being the owner: that is over soon.
    for (let n = 0; val === PENDING && n < PENDING_LOOPS; n++) {
      this.#cpu.relax(n)
      val = Atomics.load(w, this.#at, 'relaxed')
    }
    if ((val & ~LOCKED_MASK) !== 0) return false
    val = Atomics.or(w, this.#at, PENDING, 'acquire')
    if ((val & ~LOCKED_MASK) !== 0) {
      // Somebody was faster. If the bit was not there it is ours to take back.
      if ((val & PENDING) === 0) Atomics.and(w, this.#at, ~PENDING, 'relaxed')
      return false
    }
    passSlow(SITE_PENDING, this.#at, val)
    if (!PENDING_NO_WAIT) {
      for (let n = 0; (Atomics.load(w, this.#at, 'acquire') & LOCKED_MASK) !== 0; n++) this.#cpu.relax(n)
    }
    // From pending to locked in one step: the head of the queue waits for the moment in which neither is set.
    Atomics.add(w, this.#at, LOCKED - PENDING, 'relaxed')
    return true
  }

  #lockQueued(): void {
    const w = this.#w
    if (!NODE_LATE) this.#prepare()
    // By now it may be free, and the cells just written are warm for the next time.
    if (this.tryLock()) return
    const before = this.#exchangeTail() >>> TAIL_SHIFT
    passSlow(SITE_QUEUED, this.#at, before)
    if (NODE_LATE) this.#prepare()
    if (before !== 0) {
      Atomics.store(w, this.#nodeOf(before) + QNODE.next, this.#cpu.id + 1, 'release')
      for (let n = 0; Atomics.load(w, this.#node + QNODE.head, 'acquire') === 0; n++) this.#cpu.relax(n)
    }
    const val = this.#awaitFree()
    // Last of the queue: the tail goes in the same step, unless somebody comes meanwhile.
    if ((val & TAIL_MASK) === this.#tail && Atomics.compareExchange(w, this.#at, val, LOCKED, 'relaxed') === val) return
    Atomics.add(w, this.#at, LOCKED, 'relaxed')
    this.#passHead()
  }

  /** Before the node can be found: who comes behind must not be overwritten. */
  #prepare(): void {
    Atomics.store(this.#w, this.#node + QNODE.next, 0, 'relaxed')
    Atomics.store(this.#w, this.#node + QNODE.head, 0, 'relaxed')
  }

  /** Head of the queue: waits until the lock is free and nobody is pending; returns the word as it was then. */
  #awaitFree(): number {
    const busy = HEAD_OVERTAKES ? LOCKED_MASK : LOCKED_MASK | PENDING
    for (let n = 0; ; n++) {
      const val = Atomics.load(this.#w, this.#at, 'acquire')
      if ((val & busy) === 0) return val
      this.#cpu.relax(n)
    }
  }

  /** Makes who is behind the head of the queue. */
  #passHead(): void {
    const w = this.#w
    for (let n = 0; ; n++) {
      const next = Atomics.load(w, this.#node + QNODE.next, 'acquire')
      if (next !== 0) {
        pass(SITE_NEXT, this.#at, next)
        Atomics.store(w, this.#nodeOf(next) + QNODE.head, 1, 'release')
        return
      }
      this.#cpu.relax(n)
    }
  }

  #nodeOf(number: number): number {
    if (number > this.#cpu.count) violated('CNT', `queued spinlock ${this.#at} names cpu ${number - 1}, which is none`)
    return objectAt(this.#nodes, number - 1)
  }

  /** Puts this CPU at the tail and keeps the rest; returns the word as it was. */
  #exchangeTail(): number {
    const w = this.#w
    let val = Atomics.load(w, this.#at, 'relaxed')
    for (;;) {
      const found = Atomics.compareExchange(w, this.#at, val, (val & ~TAIL_MASK) | this.#tail, 'release')
      if (found === val) return val
      val = found
    }
  }
}
