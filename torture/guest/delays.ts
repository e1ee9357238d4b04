/**
 * Jitter: losing time on purpose, rare and long rather than often and short, as rcutorture does, and rarer the more
 * threads there are, so that the whole keeps its pace. It happens at the sites of `lib`, and for code that has none at
 * its atomic operations.
 */
import type { Jitter } from '../../results/schema.ts'
import { STREAM, Xoshiro } from './random.ts'

const { wait } = Atomics

/** One point in `every` x threads loses time on average. */
const EVERY: Readonly<Record<Jitter, number>> = { off: 0, low: 500, high: 60 }
/** Longest sleep of the seldom long kind, ms. */
const LONG_MS: Readonly<Record<Jitter, number>> = { off: 0, low: 5, high: 20 }

/** Half of the threads under `low`: which half depends on the seed. */
export function isJittered(jitter: Jitter, seed: number, thread: number): boolean {
  return jitter === 'high' || (jitter === 'low' && (thread + seed) % 2 === 0)
}

export class Delays {
  readonly every: number
  readonly below: (bound: number) => number
  readonly #random: Xoshiro
  readonly #longMs: number
  readonly #private = new Int32Array(new SharedArrayBuffer(4))

  constructor(jitter: Jitter, seed: number, thread: number, threads: number) {
    this.every = isJittered(jitter, seed, thread) ? EVERY[jitter] * threads : 0
    this.#longMs = LONG_MS[jitter]
    this.#random = new Xoshiro(seed, STREAM.delays - thread, 0)
    this.below = bound => this.#random.below(bound)
  }

  /** Mostly a spin of 1..30 us, sometimes of 30..100 us, seldom a sleep of up to 1 ms, very seldom a longer one. */
  readonly lose = (): void => {
    const kind = this.#random.below(1000)
    if (kind < 900) spin(1 + this.#random.below(30))
    else if (kind < 985) spin(30 + this.#random.below(70))
    else if (kind < 999) this.#sleep(0.1 + this.#random.below(900) / 1000)
    else this.#sleep(1 + this.#random.below(this.#longMs * 1000) / 1000)
  }

  #sleep(ms: number): void {
    wait(this.#private, 0, 0, ms)
  }
}

function spin(us: number): void {
  const until = performance.now() + us / 1000
  while (performance.now() < until);
}
