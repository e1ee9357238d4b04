/** Callbacks that are asked for by the thousand, or that a barrier has to wait for: all must run, and none too soon. */
import { violated } from '../../lib/check/oracle.ts'
import { Local } from './rcu-flavour.ts'

/** Callbacks of one barrier test, and how often a flooding callback calls itself again. */
const BARRIER_CALLBACKS = 4
const LAUNDERED = 3

export class Flooder extends Local {
  tries = 0
  valid = 0
  invoked = 0
  #laundered = 0
  #outstanding = 0

  /** Far more callbacks than anybody waits for at a time, each calling itself again: all must run, and soon. */
  flood(): void {
    this.tries++
    this.#laundered = 0
    const before = this.rcu.gracePeriods()
    for (let n = this.params.floodCallbacks; n > 0; n--) {
      this.#outstanding++
      this.rcu.call(this.#again, LAUNDERED)
      this.rcu.poll()
    }
    const began = performance.now()
    for (let n = 0; this.#outstanding > 0; n++) {
      this.rcu.poll()
      this.cpu.relax(n)
      if ((n & 63) === 63 && performance.now() - began > this.params.floodMs)
        violated('HANG', `${this.#outstanding} callbacks still wait after ${this.params.floodMs} ms`)
    }
    if (this.#laundered >= 100 && this.rcu.gracePeriods() - before > LAUNDERED) this.valid++
  }

  readonly #again = (times: number): void => {
    this.invoked++
    if (times > 0) this.rcu.call(this.#again, times - 1)
    else {
      this.#laundered++
      this.#outstanding--
    }
  }
}

export class Barrier extends Local {
  tries = 0
  #ran = 0

  test(): void {
    this.tries++
    this.#ran = 0
    for (let n = 0; n < BARRIER_CALLBACKS; n++) this.rcu.call(this.#run, n)
    const early = this.#ran
    this.rcu.barrier()
    if (early > 0) violated('GEN', `${early} callbacks ran before they could: inside call()`)
    if (this.#ran !== BARRIER_CALLBACKS)
      violated('CNT', `a barrier returned when ${this.#ran} of ${BARRIER_CALLBACKS} callbacks had run`)
  }

  readonly #run = (): void => {
    this.#ran++
  }
}
