/**
 * Completion: one side says that something is done, the other sleeps until it is. Unlike with a semaphore the waiter
 * may do with the completion's memory what it likes once it knows: whoever completes is through with it by then. That
 * is what the lock is for. All of `complete` happens under it, and nobody learns that it is done but under the lock,
 * or by waiting for the lock.
 *
 * Protocol: Linux, kernel/sched/completion.c (simple wait queue); that `isDone` must wait for the lock: de30ec47302c, 2015.
 * Deviation: a waiter is a cell for each CPU.
 *
 * Orders: everything is under the spinlock, but for the first look of `isDone` (an acquire) and a sleeper's look at
 * its own cell (an acquire; the waker's store is a release).
 */
import { type ArenaBuilder, objectAt, type Region } from '../shm/arena.ts'
import type { Cpu } from '../shm/cpu.ts'
import { struct } from '../shm/layout.ts'
import { bug, passSlow, site } from '../shm/sites.ts'
import { park, unpark } from './park.ts'
import { spinLock, spinUnlock } from './spinlock.ts'

/** Embeddable. All zero is not done, nobody waits. */
export const COMPLETION = struct('completion', {
  lock: 'spinlock over the rest',
  done: 'waits that may end at once; 2^31 - 1: all of them, for good',
  head: 'who has waited longest, CPU + 1; 0: nobody',
  tail: 'who came last, CPU + 1; 0: nobody',
})

export const COMPLETION_WAITER = struct('completion_waiter', {
  queued: '1: in the queue; 0: woken',
  next: 'CPU + 1 of who is behind; 0: nobody',
})

/** One for each CPU; serves all completions of an arena. */
export function completionWaiterRegion(builder: ArenaBuilder, cpus: number): Region {
  return builder.region('completion_waiter', COMPLETION_WAITER, cpus, { ownLines: true })
}

const NONE = 0
const FOR_ALL = 0x7fffffff

const SITE_COMPLETE = site('completion/complete')
const SITE_WAIT = site('completion/wait')
const SITE_DONE = site('completion/is-done')

/** Wakes first, and says afterwards what for. */
const WAKE_EARLY = bug('completion-wake-before-done')
/** Whoever looks does not wait for who completes. */
const UNSERIALISED = bug('completion-done-unserialised')

/** A thread's handle of one completion. */
export class Completion {
  readonly #cpu: Cpu
  readonly #w: Int32Array
  readonly #waiters: Region
  readonly #me: number
  readonly #at: number
  readonly #done: number

  /**
   * @param waiters made by `completionWaiterRegion`, for as many CPUs as there are
   * @param at      base of a `COMPLETION`, in words
   */
  constructor(cpu: Cpu, waiters: Region, at: number) {
    this.#cpu = cpu
    this.#w = cpu.w
    this.#waiters = waiters
    this.#me = objectAt(waiters, cpu.id)
    this.#at = at
    this.#done = at + COMPLETION.done
  }

  /** One wait may end: the longest, or the next to come. */
  complete(): void {
    if (WAKE_EARLY) {
      this.#lock()
      this.#wakeOne()
      this.#unlock()
    }
    this.#lock()
    this.#add()
    if (!WAKE_EARLY) this.#wakeOne()
    this.#unlock()
  }

  /** All waits may end, those to come as well, until the memory is set to zero again. */
  completeAll(): void {
    this.#lock()
    Atomics.store(this.#w, this.#done, FOR_ALL, 'relaxed')
    while (this.#wakeOne());
    this.#unlock()
  }

  /** Sleeps until it is done. */
  wait(): void {
    const w = this.#w
    this.#lock()
    while (Atomics.load(w, this.#done, 'relaxed') === 0) {
      this.#append()
      this.#unlock()
      passSlow(SITE_WAIT, this.#at, 0)
      while (Atomics.load(w, this.#me + COMPLETION_WAITER.queued, 'acquire') !== 0) park(this.#cpu)
      this.#lock()
    }
    this.#consume()
    this.#unlock()
  }

  /** As `wait`, if it is done. */
  tryWait(): boolean {
    if (Atomics.load(this.#w, this.#done, 'acquire') === 0) return false
    this.#lock()
    const done = Atomics.load(this.#w, this.#done, 'relaxed') !== 0
    if (done) this.#consume()
    this.#unlock()
    return done
  }

  /** Whether a wait would end at once. If so, nobody who completed it will touch it any more. */
  isDone(): boolean {
    if (Atomics.load(this.#w, this.#done, 'acquire') === 0) return false
    passSlow(SITE_DONE, this.#at, 0)
    if (UNSERIALISED) return true
    this.#lock()
    this.#unlock()
    return true
  }

  #add(): void {
    const done = Atomics.load(this.#w, this.#done, 'relaxed')
    if (done !== FOR_ALL) Atomics.store(this.#w, this.#done, done + 1, 'relaxed')
  }

  #consume(): void {
    const done = Atomics.load(this.#w, this.#done, 'relaxed')
    if (done !== FOR_ALL) Atomics.store(this.#w, this.#done, done - 1, 'relaxed')
  }

  #append(): void {
    const w = this.#w
    const number = this.#cpu.id + 1
    Atomics.store(w, this.#me + COMPLETION_WAITER.queued, 1, 'relaxed')
    Atomics.store(w, this.#me + COMPLETION_WAITER.next, NONE, 'relaxed')
    const last = Atomics.load(w, this.#at + COMPLETION.tail, 'relaxed')
    if (last === NONE) Atomics.store(w, this.#at + COMPLETION.head, number, 'relaxed')
    else Atomics.store(w, objectAt(this.#waiters, last - 1) + COMPLETION_WAITER.next, number, 'relaxed')
    Atomics.store(w, this.#at + COMPLETION.tail, number, 'relaxed')
  }

  #wakeOne(): boolean {
    const w = this.#w
    const first = Atomics.load(w, this.#at + COMPLETION.head, 'relaxed')
    passSlow(SITE_COMPLETE, this.#at, first)
    if (first === NONE) return false
    const cell = objectAt(this.#waiters, first - 1)
    const next = Atomics.load(w, cell + COMPLETION_WAITER.next, 'relaxed')
    Atomics.store(w, this.#at + COMPLETION.head, next, 'relaxed')
    if (next === NONE) Atomics.store(w, this.#at + COMPLETION.tail, NONE, 'relaxed')
    Atomics.store(w, cell + COMPLETION_WAITER.queued, 0, 'release')
    unpark(this.#cpu, first - 1)
    return true
  }

  #lock(): void {
    spinLock(this.#cpu, this.#at + COMPLETION.lock)
  }

  #unlock(): void {
    spinUnlock(this.#cpu, this.#at + COMPLETION.lock)
  }
}
