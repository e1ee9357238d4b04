/**
 * Counting semaphore: so many permits; `down` takes one and sleeps while there is none, `up` gives one back.
 *
 * Protocol: glibc, nptl/sem_wait.c and sem_post.c (T. Riegel, 2015), with two words: who gives a permit back looks
 * whether somebody waits, who waits says so before it looks for a permit, and so nobody sleeps past a permit. E. W.
 * Dijkstra, "Cooperating Sequential Processes", 1965. Not fair.
 *
 * Orders: taking a permit is an acquire. Giving one back is in full order, for the look at `waiters` behind it; so is
 * the addition to `waiters`, for the look at `count` behind that.
 */
import { violated } from '../check/oracle.ts'
import type { Cpu } from '../shm/cpu.ts'
import { struct } from '../shm/layout.ts'
import { bug, pass, passSlow, site } from '../shm/sites.ts'
import type { Futex } from './futex.ts'

/** Embeddable. Needs `initSemaphore`. */
export const SEMAPHORE = struct('semaphore', {
  count: 'permits that are there',
  waiters: 'threads that found none',
})

const SITE_FOUND = site('semaphore/found-one')
const SITE_WAIT = site('semaphore/wait')
const SITE_UP = site('semaphore/up')

/** Takes a permit that was there when it looked. */
const CHECK_THEN_ACT = bug('semaphore-check-then-act')
/** Wakes first, and gives the permit back afterwards. */
const WAKE_EARLY = bug('semaphore-wake-before-permit')

/** Before any thread starts. */
export function initSemaphore(w: Int32Array, at: number, permits: number): void {
  Atomics.store(w, at + SEMAPHORE.count, permits)
}

/** A thread's handle of one semaphore. */
export class Semaphore {
  readonly #w: Int32Array
  readonly #futex: Futex
  readonly #count: number
  readonly #waiters: number

  /** @param at base of a `SEMAPHORE`, in words */
  constructor(cpu: Cpu, futex: Futex, at: number) {
    this.#w = cpu.w
    this.#futex = futex
    this.#count = at + SEMAPHORE.count
    this.#waiters = at + SEMAPHORE.waiters
  }

  /** Takes a permit; sleeps while there is none. */
  down(): void {
    if (!this.tryDown()) this.#downSlow()
  }

  /** Takes a permit if there is one. */
  tryDown(): boolean {
    const w = this.#w
    let count = Atomics.load(w, this.#count, 'relaxed')
    while (count > 0) {
      pass(SITE_FOUND, this.#count, count)
      if (CHECK_THEN_ACT) {
        Atomics.sub(w, this.#count, 1)
        return true
      }
      const found = Atomics.compareExchange(w, this.#count, count, count - 1, 'acquire')
      if (found === count) return true
      count = found
    }
    return false
  }

  /** Gives a permit back, whoever took it. A count that is not positive then violates CNT. */
  up(): void {
    if (WAKE_EARLY) this.#wake()
    const count = (Atomics.add(this.#w, this.#count, 1) + 1) | 0
    if (count <= 0) violated('CNT', `semaphore ${this.#count} has ${count} permits when one was just given back`)
    if (!WAKE_EARLY) this.#wake()
  }

  #wake(): void {
    const waiters = Atomics.load(this.#w, this.#waiters)
    pass(SITE_UP, this.#count, waiters)
    if (waiters > 0) this.#futex.wake(this.#count, 1)
  }

  #downSlow(): void {
    const w = this.#w
    Atomics.add(w, this.#waiters, 1)
    while (!this.tryDown()) {
      passSlow(SITE_WAIT, this.#count, 0)
      this.#futex.wait(this.#count, 0)
    }
    Atomics.sub(w, this.#waiters, 1)
  }
}
