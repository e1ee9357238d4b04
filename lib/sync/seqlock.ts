/**
 * Seqlock: a spinlock that keeps writers apart, and a sequence count that tells readers whether one was at work. Readers
 * keep nobody waiting and write nothing; they read, ask, and read again if a writer came in between. A reader that has
 * lost too often takes the writers' lock, and cannot lose.
 *
 * Protocol: Linux, include/linux/seqlock.h (A. Arcangeli, S. Hemminger, 2.5.60); `read_seqbegin_or_lock`. For the orders
 * H.-J. Boehm, "Can Seqlocks Get Along with Programming Language Memory Models?", MSPC 2012.
 *
 * Orders: a reader begins with an acquire; the look at its end must not be earlier than the reads before it, which takes
 * full order. A writer makes the count odd in full order, before the first store, and even again by a release.
 */
import type { Cpu } from '../shm/cpu.ts'
import { struct } from '../shm/layout.ts'
import { bug, pass, site } from '../shm/sites.ts'
import { readSeqcountRetry, readSeqcountSpin, writeSeqcountBegin, writeSeqcountEnd } from './seqcount.ts'
import { spinLock, spinTrylock, spinUnlock } from './spinlock.ts'

/** Embeddable. All zero is unlocked. */
export const SEQLOCK = struct('seqlock', {
  sequence: 'odd while a writer is at work',
  lock: 'spinlock of the writers, and of readers that have lost too often',
})

const SITE_READ = site('seqlock/read')
const SITE_WRITE = site('seqlock/write')

/** Readers do not ask. */
const NO_RETRY = bug('seqlock-no-retry')
/** The look at a read's end may be earlier than the read. */
const RETRY_RELAXED = bug('seqlock-retry-relaxed')

/** A thread's handle of one seqlock. */
export class Seqlock {
  readonly #cpu: Cpu
  readonly #w: Int32Array
  readonly #sequence: number
  readonly #lock: number

  /** @param at base of a `SEQLOCK`, in words */
  constructor(cpu: Cpu, at: number) {
    this.#cpu = cpu
    this.#w = cpu.w
    this.#sequence = at + SEQLOCK.sequence
    this.#lock = at + SEQLOCK.lock
  }

  /** Spins until no other writer is at work. Taking it twice violates CNT. */
  writeLock(): void {
    spinLock(this.#cpu, this.#lock)
    this.#begin()
  }

  tryWriteLock(): boolean {
    if (!spinTrylock(this.#cpu, this.#lock)) return false
    this.#begin()
    return true
  }

  writeUnlock(): void {
    writeSeqcountEnd(this.#w, this.#sequence)
    spinUnlock(this.#cpu, this.#lock)
  }

  /** Waits for the writer that is at work, if one is; returns what `readRetry` asks for. */
  readBegin(): number {
    return readSeqcountSpin(this.#cpu, this.#sequence)
  }

  /** Whether what was read since `readBegin` is void. */
  readRetry(sequence: number): boolean {
    pass(SITE_READ, this.#sequence, sequence)
    if (NO_RETRY) return false
    if (RETRY_RELAXED) return Atomics.load(this.#w, this.#sequence, 'relaxed') !== sequence
    return readSeqcountRetry(this.#w, this.#sequence, sequence)
  }

  /** Keeps writers out, and other readers of this kind; lockless readers go on. */
  readLock(): void {
    spinLock(this.#cpu, this.#lock)
  }

  tryReadLock(): boolean {
    return spinTrylock(this.#cpu, this.#lock)
  }

  readUnlock(): void {
    spinUnlock(this.#cpu, this.#lock)
  }

  #begin(): void {
    writeSeqcountBegin(this.#w, this.#sequence)
    pass(SITE_WRITE, this.#sequence, 0)
  }
}
