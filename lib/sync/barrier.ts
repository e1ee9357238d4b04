/**
 * Cyclic barrier: nobody goes on before all have arrived, again and again. The last to arrive starts the next phase by
 * turning the sense over; the others wait until the sense is what they were told to expect. The sense is what makes
 * the barrier fit for use again at once: the count alone says different things to who is still leaving one phase and
 * who has arrived in the next.
 *
 * Protocol: sense reversal, D. Hensgen, R. Finkel, U. Manber, "Two Algorithms for Barrier Synchronization", IJPP 17(1),
 * 1988; J. M. Mellor-Crummey, M. L. Scott, TOCS 9(1), 1991. Waiting spins for a moment, then sleeps.
 *
 * Orders: arriving is in full order (what each did before is seen by the last, and by it passed on); the count is reset
 * before the sense is turned, which is a release; the look at the sense is an acquire.
 */
import { violated } from '../check/oracle.ts'
import type { Cpu } from '../shm/cpu.ts'
import { struct } from '../shm/layout.ts'
import type { Order } from '../shm/ordering.ts'
import { bug, passSlow, site } from '../shm/sites.ts'
import { type Futex, WAKE_ALL } from './futex.ts'

/** Embeddable. All zero is ready. */
export const BARRIER = struct('barrier', {
  arrived: 'threads that have arrived in this phase',
  sense: '0 or 1, turned over at the end of each phase',
})

/** Some microseconds: the others are mostly about to come. */
const SPINS = 100

const SITE_ARRIVED = site('barrier/arrived')
const SITE_LAST = site('barrier/last')

/** Who waits looks at the count, until it is back at 0. */
const NO_SENSE = bug('barrier-no-sense')
const SENSE_ORDER: Order = bug('barrier-sense-relaxed') ? 'relaxed' : 'release'

/** A thread's handle of one barrier. */
export class Barrier {
  readonly #cpu: Cpu
  readonly #w: Int32Array
  readonly #futex: Futex
  readonly #arrived: number
  readonly #sense: number
  readonly #parties: number
  /** What the sense was at the beginning of this phase. */
  #phase: number

  /**
   * Before this thread's first arrival, at a moment between two phases.
   * @param at      base of a `BARRIER`, in words
   * @param parties threads that each phase waits for
   */
  constructor(cpu: Cpu, futex: Futex, at: number, parties: number) {
    this.#cpu = cpu
    this.#w = cpu.w
    this.#futex = futex
    this.#arrived = at + BARRIER.arrived
    this.#sense = at + BARRIER.sense
    this.#parties = parties
    this.#phase = Atomics.load(cpu.w, this.#sense)
  }

  /** Waits until all have arrived; true for the one that was last. More threads than there are parties violate CNT. */
  arrive(): boolean {
    const w = this.#w
    const phase = this.#phase
    this.#phase = 1 - phase
    const arrived = Atomics.add(w, this.#arrived, 1) + 1
    if (arrived === this.#parties) {
      Atomics.store(w, this.#arrived, 0, 'relaxed')
      passSlow(SITE_LAST, this.#arrived, phase)
      Atomics.store(w, this.#sense, 1 - phase, SENSE_ORDER)
      this.#futex.wake(NO_SENSE ? this.#arrived : this.#sense, WAKE_ALL)
      return true
    }
    if (arrived > this.#parties) violated('CNT', `${arrived} threads have arrived at a barrier of ${this.#parties}`)
    passSlow(SITE_ARRIVED, this.#arrived, phase)
    if (NO_SENSE) this.#awaitCount()
    else this.#await(phase)
    return false
  }

  #await(phase: number): void {
    for (let n = 0; Atomics.load(this.#w, this.#sense, 'acquire') === phase; n++) {
      if (n < SPINS) this.#cpu.relax(n)
      else this.#futex.wait(this.#sense, phase)
    }
  }

  #awaitCount(): void {
    for (let n = 0; ; n++) {
      const arrived = Atomics.load(this.#w, this.#arrived, 'acquire')
      if (arrived === 0) return
      if (n < SPINS) this.#cpu.relax(n)
      else this.#futex.wait(this.#arrived, arrived)
    }
  }
}
