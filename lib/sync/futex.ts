/**
 * Futex: sleep as long as a word holds what you saw. The look at the word and the joining of the queue are one step
 * towards whoever changes the word and then wakes, since both take the lock of the word's bucket. What a lock does
 * with its word is its own affair.
 *
 * Who wakes looks first whether anybody is in the bucket at all, without its lock. That look must not be early: the
 * change of the word has to be visible by then, or a sleeper that does not see the change yet is not seen either.
 * Linux missed that barrier (76835b0ebf8a, 2014; 11d4616bd07f before it).
 *
 * Protocol: Linux, kernel/futex/{core,waitwake,requeue}.c; U. Drepper, "Futexes Are Tricky", 2011. Deviations: a waiter
 * is a cell for each CPU; threads sleep by `park`, so that a wake-up can be lost where one is forgotten; no time-outs.
 *
 * Orders: the waiter's count and the waker's look at it are in full order (each then looks at what the other wrote
 * before); the key is given back by a release, and looked at by an acquire. The rest is under the bucket's spinlock.
 */
import { type ArenaBuilder, objectAt, type Region } from '../shm/arena.ts'
import type { Cpu } from '../shm/cpu.ts'
import { struct } from '../shm/layout.ts'
import { bug, passSlow, site } from '../shm/sites.ts'
import { park, unpark } from './park.ts'
import { spinLock, spinUnlock } from './spinlock.ts'

export const FUTEX_BUCKET = struct('futex_bucket', {
  lock: 'spinlock over the queue',
  waiters: 'threads that are in the queue, or about to be',
  head: 'first of the queue, CPU + 1; 0: none',
  tail: 'last of the queue, CPU + 1; 0: none',
})

export const FUTEX_WAITER = struct('futex_waiter', {
  key: 'the word it sleeps on; 0: it does not, or it was woken',
  next: 'CPU + 1 of who is behind; 0: nobody',
})

export interface FutexImage {
  readonly buckets: Region
  /** One for each CPU: a thread sleeps on one word at a time. */
  readonly waiters: Region
}

/** @param buckets few of them make strangers meet in one queue; default: two a CPU */
export function futexRegion(builder: ArenaBuilder, cpus: number, buckets = 2 * cpus): FutexImage {
  return {
    buckets: builder.region('futex_bucket', FUTEX_BUCKET, buckets, { ownLines: true }),
    waiters: builder.region('futex_waiter', FUTEX_WAITER, cpus, { ownLines: true }),
  }
}

/** Wakes all. */
export const WAKE_ALL = 0x7fffffff

const NONE = 0

const SITE_SLEEP = site('futex/sleep')
const SITE_CHANGED = site('futex/changed')
const SITE_WAKE = site('futex/wake')
const SITE_REQUEUE = site('futex/requeue')

/** Looks for waiters before the change of the word need be visible. */
const WAKE_RELAXED = bug('futex-wake-relaxed')

/** A thread's handle of all futexes of an image: any word of the arena can be one. */
export class Futex {
  readonly #cpu: Cpu
  readonly #w: Int32Array
  readonly #image: FutexImage
  readonly #me: number
  /** Taken out of a queue and not woken yet: first and last, linked by `next`. */
  #woken = NONE
  #lastWoken = NONE

  constructor(cpu: Cpu, image: FutexImage) {
    this.#cpu = cpu
    this.#w = cpu.w
    this.#image = image
    this.#me = objectAt(image.waiters, cpu.id)
  }

  /** Sleeps until it is woken; returns false at once if the word does not hold `expected`. */
  wait(at: number, expected: number): boolean {
    const w = this.#w
    const bucket = this.#bucketOf(at)
    // Counted before the look at the word: who changes it later than that finds us counted.
    Atomics.add(w, bucket + FUTEX_BUCKET.waiters, 1)
    spinLock(this.#cpu, bucket + FUTEX_BUCKET.lock)
    if (Atomics.load(w, at) !== expected) {
      spinUnlock(this.#cpu, bucket + FUTEX_BUCKET.lock)
      Atomics.sub(w, bucket + FUTEX_BUCKET.waiters, 1)
      passSlow(SITE_CHANGED, at, expected)
      return false
    }
    Atomics.store(w, this.#me + FUTEX_WAITER.key, at, 'relaxed')
    this.#append(bucket, this.#cpu.id + 1)
    spinUnlock(this.#cpu, bucket + FUTEX_BUCKET.lock)
    passSlow(SITE_SLEEP, at, expected)
    while (Atomics.load(w, this.#me + FUTEX_WAITER.key, 'acquire') !== 0) park(this.#cpu)
    return true
  }

  /** Wakes those who have waited longest, `most` of them at most; returns how many. */
  wake(at: number, most: number): number {
    const bucket = this.#bucketOf(at)
    if (this.#isEmpty(bucket)) return 0
    spinLock(this.#cpu, bucket + FUTEX_BUCKET.lock)
    const woken = this.#take(bucket, at, most)
    spinUnlock(this.#cpu, bucket + FUTEX_BUCKET.lock)
    this.#wakeTaken(at)
    return woken
  }

  /**
   * Wakes `most` and has all others wait for the word `to` from now on, without waking them: each of them would only
   * queue there. Returns false, having done nothing, if somebody sleeps and the word does not hold `expected`.
   */
  requeue(at: number, expected: number, most: number, to: number): boolean {
    const w = this.#w
    const from = this.#bucketOf(at)
    if (this.#isEmpty(from)) return true
    const target = this.#bucketOf(to)
    // A bucket that somebody is on the way to must not look empty to who wakes there. As in the kernel: counted first.
    Atomics.add(w, target + FUTEX_BUCKET.waiters, 1)
    this.#lockBoth(from, target)
    const holds = Atomics.load(w, at) === expected
    if (holds) {
      this.#take(from, at, most)
      this.#move(from, at, target, to)
    }
    this.#unlockBoth(from, target)
    Atomics.sub(w, target + FUTEX_BUCKET.waiters, 1)
    if (holds) this.#wakeTaken(at)
    return holds
  }

  #isEmpty(bucket: number): boolean {
    const waiters = bucket + FUTEX_BUCKET.waiters
    return (WAKE_RELAXED ? Atomics.load(this.#w, waiters, 'relaxed') : Atomics.load(this.#w, waiters)) === 0
  }

  #bucketOf(at: number): number {
    const { buckets } = this.#image
    return objectAt(buckets, (Math.imul(at, 0x9e3779b1) >>> 16) % buckets.count)
  }

  /** In the order of their places, so that two who move in opposite directions do not wait for each other. */
  #lockBoth(a: number, b: number): void {
    spinLock(this.#cpu, Math.min(a, b) + FUTEX_BUCKET.lock)
    if (a !== b) spinLock(this.#cpu, Math.max(a, b) + FUTEX_BUCKET.lock)
  }

  #unlockBoth(a: number, b: number): void {
    spinUnlock(this.#cpu, a + FUTEX_BUCKET.lock)
    if (a !== b) spinUnlock(this.#cpu, b + FUTEX_BUCKET.lock)
  }

  /** Takes the first `most` sleepers on a word out of their queue, to be woken without its lock. */
  #take(bucket: number, at: number, most: number): number {
    const w = this.#w
    let taken = 0
    let before = NONE
    let waiter = Atomics.load(w, bucket + FUTEX_BUCKET.head, 'relaxed')
    while (waiter !== NONE && taken < most) {
      const cell = this.#cellOf(waiter)
      const next = Atomics.load(w, cell + FUTEX_WAITER.next, 'relaxed')
      if (Atomics.load(w, cell + FUTEX_WAITER.key, 'relaxed') === at) {
        this.#unlink(bucket, before, waiter, next)
        Atomics.sub(w, bucket + FUTEX_BUCKET.waiters, 1)
        this.#chain(waiter)
        taken++
      } else before = waiter
      waiter = next
    }
    return taken
  }

  /** Has all sleepers on a word sleep on another. */
  #move(bucket: number, at: number, target: number, to: number): void {
    const w = this.#w
    let before = NONE
    let waiter = Atomics.load(w, bucket + FUTEX_BUCKET.head, 'relaxed')
    while (waiter !== NONE) {
      const cell = this.#cellOf(waiter)
      const next = Atomics.load(w, cell + FUTEX_WAITER.next, 'relaxed')
      if (Atomics.load(w, cell + FUTEX_WAITER.key, 'relaxed') !== at) before = waiter
      else {
        passSlow(SITE_REQUEUE, at, to)
        Atomics.store(w, cell + FUTEX_WAITER.key, to, 'relaxed')
        if (bucket === target) before = waiter
        else {
          this.#unlink(bucket, before, waiter, next)
          Atomics.sub(w, bucket + FUTEX_BUCKET.waiters, 1)
          this.#append(target, waiter)
          Atomics.add(w, target + FUTEX_BUCKET.waiters, 1)
        }
      }
      waiter = next
    }
  }

  #append(bucket: number, waiter: number): void {
    const w = this.#w
    Atomics.store(w, this.#cellOf(waiter) + FUTEX_WAITER.next, NONE, 'relaxed')
    const last = Atomics.load(w, bucket + FUTEX_BUCKET.tail, 'relaxed')
    if (last === NONE) Atomics.store(w, bucket + FUTEX_BUCKET.head, waiter, 'relaxed')
    else Atomics.store(w, this.#cellOf(last) + FUTEX_WAITER.next, waiter, 'relaxed')
    Atomics.store(w, bucket + FUTEX_BUCKET.tail, waiter, 'relaxed')
  }

  #unlink(bucket: number, before: number, waiter: number, next: number): void {
    const w = this.#w
    if (before === NONE) Atomics.store(w, bucket + FUTEX_BUCKET.head, next, 'relaxed')
    else Atomics.store(w, this.#cellOf(before) + FUTEX_WAITER.next, next, 'relaxed')
    if (Atomics.load(w, bucket + FUTEX_BUCKET.tail, 'relaxed') === waiter)
      Atomics.store(w, bucket + FUTEX_BUCKET.tail, before, 'relaxed')
  }

  #chain(waiter: number): void {
    Atomics.store(this.#w, this.#cellOf(waiter) + FUTEX_WAITER.next, NONE, 'relaxed')
    if (this.#woken === NONE) this.#woken = waiter
    else Atomics.store(this.#w, this.#cellOf(this.#lastWoken) + FUTEX_WAITER.next, waiter, 'relaxed')
    this.#lastWoken = waiter
  }

  #wakeTaken(at: number): void {
    const w = this.#w
    for (let waiter = this.#woken; waiter !== NONE; ) {
      const cell = this.#cellOf(waiter)
      // Before the key goes: a sleeper without a key may be in another queue the next moment.
      const next = Atomics.load(w, cell + FUTEX_WAITER.next, 'relaxed')
      passSlow(SITE_WAKE, at, waiter)
      Atomics.store(w, cell + FUTEX_WAITER.key, 0, 'release')
      unpark(this.#cpu, waiter - 1)
      waiter = next
    }
    this.#woken = NONE
  }

  #cellOf(waiter: number): number {
    return objectAt(this.#image.waiters, waiter - 1)
  }
}
