/**
 * Bit operations: a map of bits from word `at` on, bit `nr` of which is bit `nr % 32` of word `at + nr / 32`.
 *
 * Ordering classes, as the kernel has them: `setBit`, `clearBit` and `changeBit` are relaxed, `testAnd…` are fully
 * ordered, `testAndSetBitLock` is an acquire and `clearBitUnlock` a release. Those with two underscores are **not
 * atomic**: a load and a store. They are for words that only one thread writes to, or that nobody else can reach yet; a
 * change that another thread makes in between is lost, whatever it uses.
 */
import { violated } from '../check/oracle.ts'
import type { Cpu } from '../shm/cpu.ts'
import { bug, pass, site } from '../shm/sites.ts'

const SET_NONATOMIC = bug('bit-set-nonatomic')
const UNLOCK_RELAXED = bug('bit-unlock-relaxed')
const SET = site('bitops/set')
const UNLOCK = site('bitops/unlock')

const wordOf = (at: number, nr: number) => at + (nr >>> 5)
const maskOf = (nr: number) => 1 << (nr & 31)

export function testBit(w: Int32Array, at: number, nr: number): boolean {
  return (Atomics.load(w, wordOf(at, nr), 'relaxed') & maskOf(nr)) !== 0
}

export function testBitAcquire(w: Int32Array, at: number, nr: number): boolean {
  return (Atomics.load(w, wordOf(at, nr), 'acquire') & maskOf(nr)) !== 0
}

export function setBit(w: Int32Array, at: number, nr: number): void {
  pass(SET, at, nr)
  if (SET_NONATOMIC) __setBit(w, at, nr)
  else Atomics.or(w, wordOf(at, nr), maskOf(nr), 'relaxed')
}

export function clearBit(w: Int32Array, at: number, nr: number): void {
  Atomics.and(w, wordOf(at, nr), ~maskOf(nr), 'relaxed')
}

export function changeBit(w: Int32Array, at: number, nr: number): void {
  Atomics.xor(w, wordOf(at, nr), maskOf(nr), 'relaxed')
}

/** Sets the bit; whether it was set before. */
export function testAndSetBit(w: Int32Array, at: number, nr: number): boolean {
  return (Atomics.or(w, wordOf(at, nr), maskOf(nr)) & maskOf(nr)) !== 0
}

export function testAndClearBit(w: Int32Array, at: number, nr: number): boolean {
  return (Atomics.and(w, wordOf(at, nr), ~maskOf(nr)) & maskOf(nr)) !== 0
}

export function testAndChangeBit(w: Int32Array, at: number, nr: number): boolean {
  return (Atomics.xor(w, wordOf(at, nr), maskOf(nr)) & maskOf(nr)) !== 0
}

/** Sets a bit that is a lock; false: the caller has it now. */
export function testAndSetBitLock(w: Int32Array, at: number, nr: number): boolean {
  // Only a bit that was clear acquires anything, and looking leaves the line where it is.
  if (testBit(w, at, nr)) return true
  return (Atomics.or(w, wordOf(at, nr), maskOf(nr), 'acquire') & maskOf(nr)) !== 0
}

/** Clears a bit that is a lock. */
export function clearBitUnlock(w: Int32Array, at: number, nr: number): void {
  Atomics.and(w, wordOf(at, nr), ~maskOf(nr), 'release')
}

// Not atomic.

export function __setBit(w: Int32Array, at: number, nr: number): void {
  Atomics.store(w, wordOf(at, nr), Atomics.load(w, wordOf(at, nr), 'relaxed') | maskOf(nr), 'relaxed')
}

export function __clearBit(w: Int32Array, at: number, nr: number): void {
  Atomics.store(w, wordOf(at, nr), Atomics.load(w, wordOf(at, nr), 'relaxed') & ~maskOf(nr), 'relaxed')
}

export function __changeBit(w: Int32Array, at: number, nr: number): void {
  Atomics.store(w, wordOf(at, nr), Atomics.load(w, wordOf(at, nr), 'relaxed') ^ maskOf(nr), 'relaxed')
}

/** As `clearBitUnlock`, where nobody but the holder writes to the word. Not atomic, and a release all the same. */
export function __clearBitUnlock(w: Int32Array, at: number, nr: number): void {
  const cleared = Atomics.load(w, wordOf(at, nr), 'relaxed') & ~maskOf(nr)
  pass(UNLOCK, at, nr)
  Atomics.store(w, wordOf(at, nr), cleared, UNLOCK_RELAXED ? 'relaxed' : 'release')
}

// A lock of one bit.

/** Spins until the bit is the caller's. */
export function bitSpinLock(cpu: Cpu, at: number, nr: number): void {
  for (let n = 0; testAndSetBitLock(cpu.w, at, nr); n++) cpu.relax(n)
}

export function bitSpinTrylock(cpu: Cpu, at: number, nr: number): boolean {
  return !testAndSetBitLock(cpu.w, at, nr)
}

/** Violates CNT if the bit is not set. */
export function bitSpinUnlock(cpu: Cpu, at: number, nr: number): void {
  if (!testBit(cpu.w, at, nr)) violated('CNT', `bit ${nr} of word ${at} is unlocked, and is not locked`)
  clearBitUnlock(cpu.w, at, nr)
}

/** As `bitSpinUnlock`, where nobody but the holder writes to the word. */
export function __bitSpinUnlock(cpu: Cpu, at: number, nr: number): void {
  if (!testBit(cpu.w, at, nr)) violated('CNT', `bit ${nr} of word ${at} is unlocked, and is not locked`)
  __clearBitUnlock(cpu.w, at, nr)
}
