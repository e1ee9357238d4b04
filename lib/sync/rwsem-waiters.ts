/**
 * The waiters of a read-write semaphore: their queue, and who is woken when. Everything here happens under the
 * semaphore's wait lock, except that a sleeping reader looks at its own `task`.
 *
 * Protocol: Linux, kernel/locking/rwsem.c (mark_wake in two passes). Deviation: a waiter is a cell per CPU instead of
 * one on the sleeper's stack, since a CPU waits for one semaphore at a time; and no limit of 256 readers a wake-up,
 * since there are never so many CPUs.
 */

import { type ArenaBuilder, objectAt, type Region } from '../shm/arena.ts'
import type { Cpu } from '../shm/cpu.ts'
import { struct } from '../shm/layout.ts'
import { bug, passSlow, site } from '../shm/sites.ts'
import { microsSince, nowMicros } from './clock.ts'
import { unpark } from './park.ts'
import { spinLock, spinUnlock } from './spinlock.ts'

/** Embeddable: `mmap_lock: { struct: RWSEM, describe: '…' }`. All zero is unlocked. */
export const RWSEM = struct('rwsem', {
  count: 'bit 0 writer, 1 waiters, 2 handoff, 8 to 30 readers, 31 read failure',
  owner: 'number + 1 of the CPU that holds it for writing; 0: none',
  wait_lock: 'spinlock over the queue and over the waiters and handoff bits',
  head: 'first waiter, number + 1; 0: none',
  tail: 'last waiter, number + 1; 0: none',
  spinner: 'number + 1 of the one writer that may spin; 0: none',
})

export const WAITER = struct('waiter', {
  task: 'number + 1 of the CPU that waits; 0: nobody does, or the lock was granted to it',
  writer: '1: waits to write',
  deadline: 'from when on it may demand a handoff, microseconds modulo 2^32',
  prev: 'number + 1; 0: none',
  next: 'number + 1; 0: none',
})

export const WRITER = 1
export const WAITERS = 2
export const HANDOFF = 4
/** What one reader adds to the count. */
export const READER = 256
export const READERS = 0x7fffff00
export const LOCKED = WRITER | READERS
/** What keeps an arriving reader off the fast path. */
export const READ_FAILED = WRITER | WAITERS | HANDOFF | (1 << 31)

export const HANDOFF_AFTER_US = 4000

/** Who may be woken: whoever is first; readers only, since readers hold the lock; readers, and the caller reads too. */
export type Wake = 0 | 1 | 2
export const WAKE_ANY = 0
export const WAKE_READERS = 1
export const WAKE_READ_OWNED = 2

const SITE_WAKE_READERS = site('rwsem.wake-readers')
const SITE_HANDOFF = site('rwsem.handoff')
/** Wakes the readers first and clears their tasks afterwards. */
const WAKE_BEFORE_CLEAR = bug('rwsem-wake-before-clear')

/** One cell for each CPU; serves all semaphores of an arena. */
export function waiterRegion(builder: ArenaBuilder, cpus: number): Region {
  return builder.region('waiter', WAITER, cpus, { ownLines: true })
}

export class RwsemWaiters {
  readonly #cpu: Cpu
  readonly #w: Int32Array
  readonly #waiters: Region
  readonly #sem: number
  readonly #me: number
  /** Numbers of the CPUs to wake once the wait lock is released: woken under it they would only run into it. */
  readonly #woken: Int32Array
  #wakes = 0

  constructor(cpu: Cpu, waiters: Region, sem: number) {
    this.#cpu = cpu
    this.#w = cpu.w
    this.#waiters = waiters
    this.#sem = sem
    this.#me = cpu.id + 1
    this.#woken = new Int32Array(waiters.count)
  }

  lock(): void {
    spinLock(this.#cpu, this.#sem + RWSEM.wait_lock)
  }

  unlock(): void {
    spinUnlock(this.#cpu, this.#sem + RWSEM.wait_lock)
  }

  unlockAndWake(): void {
    this.unlock()
    this.#wakeFrom(0)
  }

  isEmpty(): boolean {
    return Atomics.load(this.#w, this.#sem + RWSEM.head, 'relaxed') === 0
  }

  isFirst(): boolean {
    return Atomics.load(this.#w, this.#sem + RWSEM.head, 'relaxed') === this.#me
  }

  isAlone(): boolean {
    return this.isFirst() && Atomics.load(this.#w, this.#sem + RWSEM.tail, 'relaxed') === this.#me
  }

  /** Appends this thread. */
  enqueue(writer: boolean): void {
    const w = this.#w
    const mine = this.#cell(this.#me)
    const last = Atomics.load(w, this.#sem + RWSEM.tail, 'relaxed')
    Atomics.store(w, mine + WAITER.writer, writer ? 1 : 0, 'relaxed')
    Atomics.store(w, mine + WAITER.deadline, (nowMicros() + HANDOFF_AFTER_US) | 0, 'relaxed')
    Atomics.store(w, mine + WAITER.prev, last, 'relaxed')
    Atomics.store(w, mine + WAITER.next, 0, 'relaxed')
    Atomics.store(w, mine + WAITER.task, this.#me, 'relaxed')
    Atomics.store(w, last === 0 ? this.#sem + RWSEM.head : this.#cell(last) + WAITER.next, this.#me, 'relaxed')
    Atomics.store(w, this.#sem + RWSEM.tail, this.#me, 'relaxed')
  }

  /** Takes this thread out of the queue, the lock got or given up. */
  dequeue(): void {
    this.#unlink(this.#me)
    Atomics.store(this.#w, this.#cell(this.#me) + WAITER.task, 0, 'relaxed')
  }

  /** Whether this thread, having enqueued, still waits. */
  waits(): boolean {
    // Acquire, with the release of whoever clears it: what the granter saw done under the lock is done for us as well.
    return Atomics.load(this.#w, this.#cell(this.#me) + WAITER.task, 'acquire') !== 0
  }

  /** Whether this thread has waited so long that it may demand the lock. */
  isOverdue(): boolean {
    return this.#isOverdue(this.#me)
  }

  /**
   * Decides who goes on, under the wait lock, and notes whom `unlockAndWake` has to wake. A writer is only woken and
   * must still win the lock; readers are granted it here, all that wait, wherever they stand in the queue.
   */
  markWake(wake: Wake): void {
    const w = this.#w
    const first = Atomics.load(w, this.#sem + RWSEM.head, 'relaxed')
    if (first === 0) return
    if (this.#isWriter(first)) {
      if (wake === WAKE_ANY) this.#woken[this.#wakes++] = first - 1
      return
    }
    if (wake === WAKE_READ_OWNED) this.#grantReaders(0)
    else this.#grantIfFree(first)
  }

  #grantIfFree(first: number): void {
    // A writer may steal the lock at any moment: take it for the first reader before counting on it.
    const old = Atomics.add(this.#w, this.#sem + RWSEM.count, READER, 'acquire')
    if (old & WRITER) this.#yieldToWriter(first, old)
    else this.#grantReaders(READER)
  }

  /** The writer that was quicker will find the waiters bit and wake again, so giving the bias back loses nobody. */
  #yieldToWriter(first: number, old: number): void {
    const demand = !(old & HANDOFF) && this.#isOverdue(first)
    if (demand) passSlow(SITE_HANDOFF, this.#sem, first)
    Atomics.add(this.#w, this.#sem + RWSEM.count, demand ? HANDOFF - READER : -READER, 'relaxed')
  }

  /** @param taken what the caller has already added to the count for them */
  #grantReaders(taken: number): void {
    const w = this.#w
    const count = this.#sem + RWSEM.count
    const from = this.#wakes
    passSlow(SITE_WAKE_READERS, this.#sem, taken)
    // First pass: collect. None may run before the count holds all their biases, or its unlock would find too few.
    for (let id = Atomics.load(w, this.#sem + RWSEM.head, 'relaxed'); id !== 0; ) {
      const next = Atomics.load(w, this.#cell(id) + WAITER.next, 'relaxed')
      if (!this.#isWriter(id)) {
        this.#unlink(id)
        this.#woken[this.#wakes++] = id - 1
      }
      id = next
    }
    let change = (this.#wakes - from) * READER - taken
    // Both bits change under the wait lock only, so what is read here still holds when it is added.
    if (this.isEmpty()) change -= WAITERS
    if (Atomics.load(w, count, 'relaxed') & HANDOFF) change -= HANDOFF
    if (change !== 0) Atomics.add(w, count, change, 'relaxed')
    // Second pass: the task is cleared before the wake-up. The other way round the sleeper may wake, find itself still
    // waiting, and sleep again, for ever.
    const to = this.#wakes
    if (WAKE_BEFORE_CLEAR) this.#wakeFrom(from)
    for (let n = from; n < to; n++) Atomics.store(w, this.#cell(this.#woken[n] + 1) + WAITER.task, 0, 'release')
  }

  #wakeFrom(first: number): void {
    for (let n = first; n < this.#wakes; n++) unpark(this.#cpu, this.#woken[n])
    this.#wakes = first
  }

  #unlink(id: number): void {
    const w = this.#w
    const prev = Atomics.load(w, this.#cell(id) + WAITER.prev, 'relaxed')
    const next = Atomics.load(w, this.#cell(id) + WAITER.next, 'relaxed')
    Atomics.store(w, prev === 0 ? this.#sem + RWSEM.head : this.#cell(prev) + WAITER.next, next, 'relaxed')
    Atomics.store(w, next === 0 ? this.#sem + RWSEM.tail : this.#cell(next) + WAITER.prev, prev, 'relaxed')
  }

  #isWriter(id: number): boolean {
    return Atomics.load(this.#w, this.#cell(id) + WAITER.writer, 'relaxed') === 1
  }

  #isOverdue(id: number): boolean {
    return microsSince(Atomics.load(this.#w, this.#cell(id) + WAITER.deadline, 'relaxed')) > 0
  }

  #cell(id: number): number {
    return objectAt(this.#waiters, id - 1)
  }
}
