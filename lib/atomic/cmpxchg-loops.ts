/**
 * Changes of one word that no single operation makes: read, compute, compare-and-swap, and again with what the swap found.
 * Nobody ever sees the word between the old value and the new one, and nobody's change is lost.
 */
import { bug, pass, site } from '../shm/sites.ts'
import { atomicTryCmpxchg } from './conditional.ts'

const SPLIT = bug('mask-bits-split')
/** The word was read, and the swap is to come. */
const SWAP = site('cmpxchg-loops/mask-bits')

/**
 * The bits of `mask` become those of `bits`, all at once; the others stay. Returns what was there. It is how a file
 * system copies the flags that it keeps on disk into a word that others set flags in, too.
 */
export function setMaskBits(w: Int32Array, at: number, mask: number, bits: number): number {
  const old = { value: Atomics.load(w, at, 'relaxed') }
  do {
    pass(SWAP, at, old.value)
    if (SPLIT) {
      Atomics.store(w, at, old.value & ~mask)
      Atomics.store(w, at, Atomics.load(w, at) | bits)
      return old.value
    }
  } while (!atomicTryCmpxchg(w, at, old, (old.value & ~mask) | bits))
  return old.value
}

/** Clears the bits of `clear`, unless one of `unless` is set; whether it did. One that did not orders nothing. */
export function bitClearUnless(w: Int32Array, at: number, clear: number, unless: number): boolean {
  const old = { value: Atomics.load(w, at, 'relaxed') }
  do {
    if (old.value & unless) return false
  } while (!atomicTryCmpxchg(w, at, old, old.value & ~clear))
  return true
}

/** Counts up to `limit`; whether there was room. One that found none orders nothing. */
export function atomicIncBelow(w: Int32Array, at: number, limit: number): boolean {
  const old = { value: Atomics.load(w, at, 'relaxed') }
  do {
    if (old.value >= limit) return false
  } while (!atomicTryCmpxchg(w, at, old, (old.value + 1) | 0))
  return true
}
