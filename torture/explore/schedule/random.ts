/** The generator of a search, its state in shared memory: whoever has the baton draws the next number of one sequence. */

/** xoshiro128** (Blackman and Vigna, 2018) over four shared words. */
export class SharedRandom {
  readonly #s: Uint32Array

  constructor(state: Uint32Array) {
    this.#s = state
  }

  seed(seed: number): void {
    const s = this.#s
    for (let i = 0; i < 4; i++) s[i] = spread((seed + Math.imul(i + 1, 0x9e3779b9)) | 0)
    // The one state that the generator never leaves.
    if ((s[0] | s[1] | s[2] | s[3]) === 0) s[0] = 1
  }

  /** A signed 32-bit integer. */
  int32(): number {
    const s = this.#s
    const product = Math.imul(s[1], 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9)
    const t = s[1] << 9
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = (s[3] << 11) | (s[3] >>> 21)
    return result
  }

  /** An integer in [0, bound). */
  below(bound: number): number {
    return Math.floor(((this.int32() >>> 0) / 4294967296) * bound)
  }
}

/** One seed from two: that of the instance and the number of the execution. Both may exceed 32 bits. */
export function mix(seed: number, execution: number): number {
  const high = Math.floor(seed / 2 ** 32)
  return spread(spread(spread(seed | 0) ^ high) ^ (execution | 0) ^ Math.floor(execution / 2 ** 32))
}

/** A step of splitmix32: a bijection that spreads every bit. */
function spread(x: number): number {
  x = (x + 0x9e3779b9) | 0
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad)
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97)
  return x ^ (x >>> 15)
}
