/**
 * `atomic_t`: the kernel's operations on one 32-bit word, by the engine's own read-modify-writes. `w` is the memory, `at`
 * the word. Arithmetic wraps, as in the kernel.
 *
 * Ordering classes, as the kernel has them: an operation without a result is relaxed, one with a result is fully ordered
 * unless its last argument asks for less. Reads and writes that are no read-modify-writes are relaxed but for
 * `atomicReadAcquire` and `atomicSetRelease`.
 */
import type { Order } from '../shm/ordering.ts'
import { bug, pass, site } from '../shm/sites.ts'

export * from './conditional.ts'

const READ_RELAXED = bug('atomic-read-relaxed')
const SET_RELAXED = bug('atomic-set-relaxed')
const READ_ACQUIRE = site('atomic/read-acquire')
const SET_RELEASE = site('atomic/set-release')

export function atomicRead(w: Int32Array, at: number): number {
  return Atomics.load(w, at, 'relaxed')
}

export function atomicReadAcquire(w: Int32Array, at: number): number {
  const value = Atomics.load(w, at, READ_RELAXED ? 'relaxed' : 'acquire')
  pass(READ_ACQUIRE, at, value)
  return value
}

export function atomicSet(w: Int32Array, at: number, value: number): void {
  Atomics.store(w, at, value, 'relaxed')
}

export function atomicSetRelease(w: Int32Array, at: number, value: number): void {
  pass(SET_RELEASE, at, value)
  Atomics.store(w, at, value, SET_RELAXED ? 'relaxed' : 'release')
}

// Without a result: relaxed.

export function atomicAdd(w: Int32Array, at: number, n: number): void {
  Atomics.add(w, at, n, 'relaxed')
}

export function atomicSub(w: Int32Array, at: number, n: number): void {
  Atomics.sub(w, at, n, 'relaxed')
}

export function atomicInc(w: Int32Array, at: number): void {
  Atomics.add(w, at, 1, 'relaxed')
}

export function atomicDec(w: Int32Array, at: number): void {
  Atomics.sub(w, at, 1, 'relaxed')
}

export function atomicAnd(w: Int32Array, at: number, mask: number): void {
  Atomics.and(w, at, mask, 'relaxed')
}

export function atomicOr(w: Int32Array, at: number, mask: number): void {
  Atomics.or(w, at, mask, 'relaxed')
}

export function atomicXor(w: Int32Array, at: number, mask: number): void {
  Atomics.xor(w, at, mask, 'relaxed')
}

export function atomicAndnot(w: Int32Array, at: number, mask: number): void {
  Atomics.and(w, at, ~mask, 'relaxed')
}

// What it is afterwards.

export function atomicAddReturn(w: Int32Array, at: number, n: number, order?: Order): number {
  return (Atomics.add(w, at, n, order) + n) | 0
}

export function atomicSubReturn(w: Int32Array, at: number, n: number, order?: Order): number {
  return (Atomics.sub(w, at, n, order) - n) | 0
}

export function atomicIncReturn(w: Int32Array, at: number, order?: Order): number {
  return (Atomics.add(w, at, 1, order) + 1) | 0
}

export function atomicDecReturn(w: Int32Array, at: number, order?: Order): number {
  return (Atomics.sub(w, at, 1, order) - 1) | 0
}

// What it was before.

export function atomicFetchAdd(w: Int32Array, at: number, n: number, order?: Order): number {
  return Atomics.add(w, at, n, order)
}

export function atomicFetchSub(w: Int32Array, at: number, n: number, order?: Order): number {
  return Atomics.sub(w, at, n, order)
}

export function atomicFetchInc(w: Int32Array, at: number, order?: Order): number {
  return Atomics.add(w, at, 1, order)
}

export function atomicFetchDec(w: Int32Array, at: number, order?: Order): number {
  return Atomics.sub(w, at, 1, order)
}

export function atomicFetchAnd(w: Int32Array, at: number, mask: number, order?: Order): number {
  return Atomics.and(w, at, mask, order)
}

export function atomicFetchOr(w: Int32Array, at: number, mask: number, order?: Order): number {
  return Atomics.or(w, at, mask, order)
}

export function atomicFetchXor(w: Int32Array, at: number, mask: number, order?: Order): number {
  return Atomics.xor(w, at, mask, order)
}

export function atomicFetchAndnot(w: Int32Array, at: number, mask: number, order?: Order): number {
  return Atomics.and(w, at, ~mask, order)
}

/** Puts a value in and returns what was there. */
export function atomicXchg(w: Int32Array, at: number, value: number, order?: Order): number {
  return Atomics.exchange(w, at, value, order)
}

// Is it that now?

export function atomicSubAndTest(w: Int32Array, at: number, n: number): boolean {
  return Atomics.sub(w, at, n) === (n | 0)
}

export function atomicDecAndTest(w: Int32Array, at: number): boolean {
  return Atomics.sub(w, at, 1) === 1
}

export function atomicIncAndTest(w: Int32Array, at: number): boolean {
  return Atomics.add(w, at, 1) === -1
}

export function atomicAddNegative(w: Int32Array, at: number, n: number, order?: Order): boolean {
  return ((Atomics.add(w, at, n, order) + n) | 0) < 0
}
