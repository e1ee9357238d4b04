/**
 * `refcount_t`: a reference count that does not wrap. One that would pass its largest value is **saturated**: put so far
 * below zero that nothing brings it back, so that the object is never freed, and leaks. A leak is the lesser evil: a
 * count that wraps reaches zero while the object is in use.
 *
 * Orders: taking a reference is relaxed, since whoever takes one has the object already. Giving one up is a release, and
 * giving the last one up an acquire as well: who frees the object sees all that its users did. An object that is reached
 * without a reference, because its memory only ever holds objects of its type, may be another one by the time that the
 * reference is taken: `refcountIncNotZero(w, at, 'acquire')` before it is asked who it is, and `refcountSetRelease` as
 * the last step of making it.
 *
 * What is wrong with a count is told to `warn`, the last argument, and violates REF without one. The word is saturated
 * by then: who survives the warning has a leak and nothing worse.
 */
import { violated } from '../check/oracle.ts'
import { bug, pass, site } from '../shm/sites.ts'
import { atomicTryCmpxchg } from './conditional.ts'

export const REFCOUNT_MAX = 0x7fffffff
export const REFCOUNT_SATURATED = -0x40000000

const UNSATURATED = bug('refcount-unsaturated')
const FROM_ZERO = bug('refcount-from-zero')
const GET_SPLIT = bug('refcount-get-split')
const PUT_SPLIT = bug('refcount-put-split')
const INIT_RELAXED = bug('refcount-init-relaxed')
/** The count was read, and is to be counted up. */
const GET = site('refcount/get')
const PUT = site('refcount/put')
const SATURATE = site('refcount/saturate')
/** An object of a type-safe slab is complete, and is to be given its first reference. */
const INIT = site('refcount/init')

/** What a count was asked to do that a sound one never is. */
export type RefcountFault = 'overflow' | 'use after free' | 'underflow' | 'leak'

/** @param old what the word held before */
export type RefcountWarn = (fault: RefcountFault, at: number, old: number) => void

const violateRef: RefcountWarn = (fault, at, old) => violated('REF', `refcount ${at}: ${fault}, at ${old}`)

export function refcountRead(w: Int32Array, at: number): number {
  return Atomics.load(w, at, 'relaxed')
}

/** For an object that nobody else can reach yet. */
export function refcountSet(w: Int32Array, at: number, n: number): void {
  Atomics.store(w, at, n, 'relaxed')
}

/** For an object that others may find already, in memory of its type: everything in it is written before. */
export function refcountSetRelease(w: Int32Array, at: number, n: number): void {
  pass(INIT, at, n)
  Atomics.store(w, at, n, INIT_RELAXED ? 'relaxed' : 'release')
}

/** For who holds a reference and takes `n` more. */
export function refcountAdd(w: Int32Array, at: number, n: number, warn: RefcountWarn = violateRef): void {
  const old = Atomics.add(w, at, n, 'relaxed')
  if (old === 0) saturate(w, at, 'use after free', old, warn)
  else if (old < 0 || overflows(old, n)) saturate(w, at, 'overflow', old, warn)
}

export function refcountInc(w: Int32Array, at: number, warn: RefcountWarn = violateRef): void {
  refcountAdd(w, at, 1, warn)
}

/**
 * For who holds none: takes `n` references unless there is none left, and the object is as good as freed.
 * @param order 'acquire' where the object may have become another one
 * @returns whether it did
 */
export function refcountAddNotZero(
  w: Int32Array,
  at: number,
  n: number,
  order: 'relaxed' | 'acquire' = 'relaxed',
  warn: RefcountWarn = violateRef,
): boolean {
  const old = { value: refcountRead(w, at) }
  do {
    if (old.value === 0 && !FROM_ZERO) return false
    pass(GET, at, old.value)
    if (GET_SPLIT) {
      Atomics.add(w, at, n)
      break
    }
  } while (!atomicTryCmpxchg(w, at, old, (old.value + n) | 0, order))
  if (old.value < 0 || overflows(old.value, n)) saturate(w, at, 'overflow', old.value, warn)
  return true
}

export function refcountIncNotZero(
  w: Int32Array,
  at: number,
  order: 'relaxed' | 'acquire' = 'relaxed',
  warn: RefcountWarn = violateRef,
): boolean {
  return refcountAddNotZero(w, at, 1, order, warn)
}

/** Gives up `n` references; whether these were the last ones, and the caller is to free the object. */
export function refcountSubAndTest(w: Int32Array, at: number, n: number, warn: RefcountWarn = violateRef): boolean {
  // A release; the last one acquires. Full order is both.
  const old = Atomics.sub(w, at, n)
  pass(PUT, at, old)
  if (PUT_SPLIT) return Atomics.load(w, at) === 0
  if (old === n) return true
  if (old < n) saturate(w, at, 'underflow', old, warn)
  return false
}

export function refcountDecAndTest(w: Int32Array, at: number, warn: RefcountWarn = violateRef): boolean {
  return refcountSubAndTest(w, at, 1, warn)
}

/** For who knows that it is not the last reference. */
export function refcountDec(w: Int32Array, at: number, warn: RefcountWarn = violateRef): void {
  const old = Atomics.sub(w, at, 1, 'release')
  if (old <= 1) saturate(w, at, old === 1 ? 'leak' : 'underflow', old, warn)
}

/** Gives up the reference if it is the last one; whether it was. */
export function refcountDecIfOne(w: Int32Array, at: number): boolean {
  return Atomics.compareExchange(w, at, 1, 0) === 1
}

/** Gives up the reference unless it is the last one, for which the caller has to take a lock first; whether it did. */
export function refcountDecNotOne(w: Int32Array, at: number, warn: RefcountWarn = violateRef): boolean {
  const old = { value: refcountRead(w, at) }
  do {
    // A saturated count stays where it is, and its object is never freed.
    if (old.value < 0) return true
    if (old.value === 1) return false
    if (old.value === 0) {
      saturate(w, at, 'underflow', 0, warn)
      return true
    }
  } while (!atomicTryCmpxchg(w, at, old, old.value - 1, 'release'))
  return true
}

const overflows = (old: number, n: number) => old + n > REFCOUNT_MAX

/** Out of reach: it would take a quarter of all numbers to come back, one thread for each. */
function saturate(w: Int32Array, at: number, fault: RefcountFault, old: number, warn: RefcountWarn): void {
  pass(SATURATE, at, old)
  if (UNSATURATED) return
  Atomics.store(w, at, REFCOUNT_SATURATED, 'relaxed')
  warn(fault, at, old)
}
