/**
 * `atomic_t`, the operations that may leave the word as it is. All of them are a compare-and-swap in a loop, on every
 * machine, so both builds have these.
 *
 * One that succeeds is as ordered as its last argument says, fully by default. **One that fails orders nothing**: it has
 * read the word, relaxed, and that was all.
 */
import type { Order } from '../shm/ordering.ts'
import { bug, pass, site } from '../shm/sites.ts'

const FAILURE_IGNORED = bug('atomic-failure-ignored')
const TEST_HOISTED = bug('atomic-test-hoisted')
/** The word was read, and the swap is to come. */
const SWAP = site('atomic/conditional')

/** What a thread takes a word to hold: `atomicTryCmpxchg` corrects it. */
export interface Expected {
  value: number
}

/** Puts `value` in if `old` is there. Returns what was there: `old` means that it was done. */
export function atomicCmpxchg(w: Int32Array, at: number, old: number, value: number, order?: Order): number {
  return Atomics.compareExchange(w, at, old, value, order)
}

/**
 * Puts `value` in if `old.value` is there. If not it returns false, and `old.value` is what is there: the loop around it
 * computes anew and tries again, without a load of its own.
 */
export function atomicTryCmpxchg(w: Int32Array, at: number, old: Expected, value: number, order?: Order): boolean {
  const seen = Atomics.compareExchange(w, at, old.value, value, order)
  if (seen === old.value) return true
  old.value = seen
  return false
}

/** Adds unless the word holds `unless`. Returns what was there: `unless` means that nothing was done. */
export function atomicFetchAddUnless(w: Int32Array, at: number, n: number, unless: number): number {
  const old = { value: Atomics.load(w, at, 'relaxed') }
  do {
    if (old.value === unless) break
  } while (!swap(w, at, old, old.value + n))
  return old.value
}

/** Adds unless the word holds `unless`; whether it did. */
export function atomicAddUnless(w: Int32Array, at: number, n: number, unless: number): boolean {
  return atomicFetchAddUnless(w, at, n, unless) !== unless
}

export function atomicIncNotZero(w: Int32Array, at: number): boolean {
  return atomicAddUnless(w, at, 1, 0)
}

export function atomicIncUnlessNegative(w: Int32Array, at: number): boolean {
  const old = { value: Atomics.load(w, at, 'relaxed') }
  do {
    if (old.value < 0) return false
  } while (!swap(w, at, old, old.value + 1))
  return true
}

export function atomicDecUnlessPositive(w: Int32Array, at: number): boolean {
  const old = { value: Atomics.load(w, at, 'relaxed') }
  do {
    if (old.value > 0) return false
  } while (!swap(w, at, old, old.value - 1))
  return true
}

/** Takes one if there is one. Returns what is left, or would be: below 0 means that nothing was done. */
export function atomicDecIfPositive(w: Int32Array, at: number): number {
  const old = { value: Atomics.load(w, at, 'relaxed') }
  for (let tries = 0; ; tries++) {
    const left = (old.value - 1) | 0
    // In every turn: what a failed swap found may be another answer.
    if (left < 0 && !(TEST_HOISTED && tries > 0)) return left
    if (swap(w, at, old, left)) return left
  }
}

function swap(w: Int32Array, at: number, old: Expected, value: number): boolean {
  pass(SWAP, at, old.value)
  return atomicTryCmpxchg(w, at, old, value | 0) || FAILURE_IGNORED
}
