/**
 * `atomic_t` on compare-and-swap alone, as on a machine that has nothing else: the same names as in `native.ts`, which
 * says what each does. Both may be used on the same word at the same time.
 */
import type { Order } from '../shm/ordering.ts'
import { bug, pass, site } from '../shm/sites.ts'
import { atomicTryCmpxchg } from './conditional.ts'
import { atomicRead } from './native.ts'

export * from './conditional.ts'
export { atomicRead, atomicReadAcquire, atomicSet, atomicSetRelease } from './native.ts'

const STORE_FOR_SWAP = bug('atomic-store-for-swap')
/** The word was read, and the swap is to come. */
const SWAP = site('atomic/swap')

type Change = (old: number, operand: number) => number

/** The loop that all of them are: read, compute, swap; what the swap found instead is read already. Returns the old value. */
function change(w: Int32Array, at: number, how: Change, operand: number, order?: Order): number {
  const old = { value: atomicRead(w, at) }
  for (;;) {
    pass(SWAP, at, old.value)
    const value = how(old.value, operand) | 0
    if (STORE_FOR_SWAP) {
      Atomics.store(w, at, value)
      return old.value
    }
    if (atomicTryCmpxchg(w, at, old, value, order)) return old.value
  }
}

const sum: Change = (old, n) => old + n
const both: Change = (old, mask) => old & mask
const either: Change = (old, mask) => old | mask
const differing: Change = (old, mask) => old ^ mask
const other: Change = (_, value) => value

export function atomicAdd(w: Int32Array, at: number, n: number): void {
  change(w, at, sum, n, 'relaxed')
}

export function atomicSub(w: Int32Array, at: number, n: number): void {
  change(w, at, sum, -n, 'relaxed')
}

export function atomicInc(w: Int32Array, at: number): void {
  change(w, at, sum, 1, 'relaxed')
}

export function atomicDec(w: Int32Array, at: number): void {
  change(w, at, sum, -1, 'relaxed')
}

export function atomicAnd(w: Int32Array, at: number, mask: number): void {
  change(w, at, both, mask, 'relaxed')
}

export function atomicOr(w: Int32Array, at: number, mask: number): void {
  change(w, at, either, mask, 'relaxed')
}

export function atomicXor(w: Int32Array, at: number, mask: number): void {
  change(w, at, differing, mask, 'relaxed')
}

export function atomicAndnot(w: Int32Array, at: number, mask: number): void {
  change(w, at, both, ~mask, 'relaxed')
}

export function atomicFetchAdd(w: Int32Array, at: number, n: number, order?: Order): number {
  return change(w, at, sum, n, order)
}

export function atomicFetchSub(w: Int32Array, at: number, n: number, order?: Order): number {
  return change(w, at, sum, -n, order)
}

export function atomicFetchInc(w: Int32Array, at: number, order?: Order): number {
  return change(w, at, sum, 1, order)
}

export function atomicFetchDec(w: Int32Array, at: number, order?: Order): number {
  return change(w, at, sum, -1, order)
}

export function atomicFetchAnd(w: Int32Array, at: number, mask: number, order?: Order): number {
  return change(w, at, both, mask, order)
}

export function atomicFetchOr(w: Int32Array, at: number, mask: number, order?: Order): number {
  return change(w, at, either, mask, order)
}

export function atomicFetchXor(w: Int32Array, at: number, mask: number, order?: Order): number {
  return change(w, at, differing, mask, order)
}

export function atomicFetchAndnot(w: Int32Array, at: number, mask: number, order?: Order): number {
  return change(w, at, both, ~mask, order)
}

export function atomicAddReturn(w: Int32Array, at: number, n: number, order?: Order): number {
  return (change(w, at, sum, n, order) + n) | 0
}

export function atomicSubReturn(w: Int32Array, at: number, n: number, order?: Order): number {
  return (change(w, at, sum, -n, order) - n) | 0
}

export function atomicIncReturn(w: Int32Array, at: number, order?: Order): number {
  return (change(w, at, sum, 1, order) + 1) | 0
}

export function atomicDecReturn(w: Int32Array, at: number, order?: Order): number {
  return (change(w, at, sum, -1, order) - 1) | 0
}

export function atomicXchg(w: Int32Array, at: number, value: number, order?: Order): number {
  return change(w, at, other, value, order)
}

export function atomicSubAndTest(w: Int32Array, at: number, n: number): boolean {
  return atomicSubReturn(w, at, n) === 0
}

export function atomicDecAndTest(w: Int32Array, at: number): boolean {
  return atomicDecReturn(w, at) === 0
}

export function atomicIncAndTest(w: Int32Array, at: number): boolean {
  return atomicIncReturn(w, at) === 0
}

export function atomicAddNegative(w: Int32Array, at: number, n: number, order?: Order): boolean {
  return atomicAddReturn(w, at, n, order) < 0
}
