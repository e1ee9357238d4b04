/**
 * Jitter: losing time on purpose, rare and long rather than often and short, as rcutorture does, and rarer the more
 * threads there are, so that the whole keeps its pace. It happens at the sites of `lib`, and for code that has none at
 * its atomic operations.
 *
 * A few sites of the fast path are passed a thousand times as often as all others together, and would get all delays,
 * while defects live where one seldom comes. So delays are shared out among sites rather than among passes.
 */
import { MAX_SITES } from '../../../lib/shm/sites.ts'
import type { Jitter } from '../../../results/schema.ts'
import { STREAM, Xoshiro } from '../random.ts'

const { wait } = Atomics

/** Sites are sampled this often, and what a sample says decides on the delay. */
const SAMPLE = 16
/** Even a site that is almost never passed is not always delayed. */
const MAX_CHANCE = 0.5
/** One point in so many x threads loses time on average. */
const EVERY: Readonly<Record<Jitter, number>> = { off: 0, low: 500, high: 60 }
/** What a sleep is cut into. */
const SLICE_MS = 0.2
/** Longest sleep of the seldom long kind, ms. */
const LONG_MS: Readonly<Record<Jitter, number>> = { off: 0, low: 5, high: 20 }

/** Half of the threads under `low`: which half depends on the seed. */
export function isJittered(jitter: Jitter, seed: number, thread: number): boolean {
  return jitter === 'high' || (jitter === 'low' && (thread + seed) % 2 === 0)
}

export class Delays {
  /** Operations between two delays on average; 0: this thread is not jittered. */
  readonly everyOperation: number
  /** Passes of sites between two calls of `atSite`; 0: never. */
  readonly everySite: number
  readonly below: (bound: number) => number
  readonly #random: Xoshiro
  readonly #longMs: number
  readonly #private = new Int32Array(new SharedArrayBuffer(4))
  readonly #samples = new Float64Array(MAX_SITES)
  #allSamples = 0
  #sitesSeen = 0

  constructor(jitter: Jitter, seed: number, thread: number, threads: number) {
    this.everyOperation = isJittered(jitter, seed, thread) ? EVERY[jitter] * threads : 0
    this.everySite = Math.min(SAMPLE, this.everyOperation)
    this.#longMs = LONG_MS[jitter]
    this.#random = new Xoshiro(seed, STREAM.delays - thread, 0)
    this.below = bound => this.#random.below(bound)
  }

  /** Loses time at a sampled site, the more likely the less often the site is seen. */
  readonly atSite = (at: number, interrupt: () => void): void => {
    const samples = ++this.#samples[at]
    if (samples === 1) this.#sitesSeen++
    const mean = ++this.#allSamples / this.#sitesSeen
    const chance = (this.everySite / this.everyOperation) * (mean / samples)
    if (this.#random.below(0x10000) < 0x10000 * Math.min(MAX_CHANCE, chance)) this.lose(interrupt)
  }

  /** Mostly a spin of 1..30 us, often of 30..200 us, seldom a sleep of up to 1 ms, very seldom a longer one. */
  readonly lose = (interrupt: () => void = nothing): void => {
    const kind = this.#random.below(1000)
    if (kind < 600) spin(1 + this.#random.below(30), interrupt)
    else if (kind < 970) spin(30 + this.#random.below(170), interrupt)
    else if (kind < 999) this.#sleep(0.1 + this.#random.below(900) / 1000, interrupt)
    else this.#sleep(1 + this.#random.below(this.#longMs * 1000) / 1000, interrupt)
  }

  /** In slices: whoever waits for this thread to take an interrupt is not to wait for its whole sleep. */
  #sleep(ms: number, interrupt: () => void): void {
    const until = performance.now() + ms
    for (let left = ms; left > 0; left = until - performance.now()) {
      wait(this.#private, 0, 0, Math.min(left, SLICE_MS))
      interrupt()
    }
  }
}

const nothing = () => {}

function spin(us: number, interrupt: () => void): void {
  const until = performance.now() + us / 1000
  while (performance.now() < until) interrupt()
}
