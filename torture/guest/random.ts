/**
 * xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018), seeded by splitmix32 as
 * its authors advise. One seed is recorded per instance; streams are split from it by mixing in what they are for
 * (thread, round), so that a decision repeats whatever the other threads do.
 */
import type { Random } from '../scenario.ts'

const rotl = (x: number, k: number): number => (x << k) | (x >>> (32 - k))

/** One step of splitmix32: a bijection that spreads every bit. */
function mix(x: number): number {
  x = (x + 0x9e3779b9) | 0
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad)
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97)
  return x ^ (x >>> 15)
}

export class Xoshiro implements Random {
  /** A typed array: fields of an object would be boxed as soon as they exceed 31 bits. */
  readonly #s = new Uint32Array(4)

  constructor(seed: number, stream: number, round: number) {
    this.reseed(seed, stream, round)
  }

  /** Starts the stream of one thread and round; both may exceed 32 bits, as may the seed. */
  reseed(seed: number, stream: number, round: number): void {
    let x = mix(seed | 0)
    x = mix(x ^ Math.floor(seed / 2 ** 32))
    x = mix(x ^ stream)
    x = mix(x ^ (round | 0))
    x = mix(x ^ Math.floor(round / 2 ** 32))
    const s = this.#s
    for (let i = 0; i < 4; i++) {
      s[i] = mix(x)
      x = (x + 0x9e3779b9) | 0
    }
    // The one state that the generator never leaves.
    if ((s[0] | s[1] | s[2] | s[3]) === 0) s[0] = 1
  }

  int32(): number {
    const s = this.#s
    const result = Math.imul(rotl(Math.imul(s[1], 5), 7), 9)
    const t = s[1] << 9
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = rotl(s[3], 11)
    return result
  }

  /** By scaling: off from uniform by less than bound / 2^32, which no scenario can notice. */
  below(bound: number): number {
    return Math.floor(((this.int32() >>> 0) / 4294967296) * bound)
  }

  oneIn(n: number): boolean {
    return this.below(n) === 0
  }
}

/** One that is seeded when it is asked first: most tiny rounds draw nothing, and a million seeds a second have a price. */
export class LazyXoshiro extends Xoshiro {
  readonly #seed: number
  readonly #stream: number
  #round = 0
  #due = false

  constructor(seed: number, stream: number) {
    super(seed, stream, 0)
    this.#seed = seed
    this.#stream = stream
  }

  /** Starts the stream of a round. */
  begin(round: number): void {
    this.#round = round
    this.#due = true
  }

  override int32(): number {
    if (this.#due) {
      this.#due = false
      this.reseed(this.#seed, this.#stream, this.#round)
    }
    return super.int32()
  }
}

/** Streams that are not a thread's. */
export const STREAM = { setup: -1, chaos: -2, strides: -3, delays: -1000 } as const
