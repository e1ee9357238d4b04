/** A thread of locktorture: takes locks in all ways that they can be taken, one alone or several in their order. */
import type { OracleViolation } from '../../lib/check/oracle.ts'
import type { Cpu } from '../../lib/shm/cpu.ts'
import { park } from '../../lib/sync/park.ts'
import type { Random } from '../../torture/scenario.ts'
import type { Held } from './held.ts'

/** How a lock is taken and given back. */
export interface Way {
  lock(): void
  tryLock(): boolean
  unlock(): void
}

/** A lock as locktorture sees it: a thread's handle. */
export interface TorturedLock {
  readonly write: Way
  /** How readers keep writers out. */
  readonly read?: Way
  /** How readers do without a lock, and ask afterwards. */
  readonly lockless?: { begin(): number; retry(begun: number): boolean }
}

/** Of a lock that names its operations as the kernel's do. */
export const bothWays = (lock: {
  writeLock(): void
  tryWriteLock(): boolean
  writeUnlock(): void
  readLock(): void
  tryReadLock(): boolean
  readUnlock(): void
}): Required<Pick<TorturedLock, 'write' | 'read'>> => ({
  write: { lock: () => lock.writeLock(), tryLock: () => lock.tryWriteLock(), unlock: () => lock.writeUnlock() },
  read: { lock: () => lock.readLock(), tryLock: () => lock.tryReadLock(), unlock: () => lock.readUnlock() },
})

export interface TortureParams {
  readonly locks: number
  readonly nested: number
  readonly trylocks: number
  readonly reads: number
  readonly hold: number
  readonly 'long-hold-every': number
  readonly 'long-hold-ms': number
  readonly near: number
}

/** Lockless reads that may fail before a reader takes the lock. */
const MOST_TRIES = 8

export class Torturer {
  readonly cpu: Cpu
  readonly #locks: readonly TorturedLock[]
  readonly #held: readonly Held[]
  readonly #params: TortureParams
  readonly #random: Random
  readonly #longHoldEvery: number
  readonly #near: (message: string) => void
  /** The first thing found in this turn. */
  #wrong: OracleViolation | undefined
  reads = 0
  writes = 0
  /** Acquisitions before which somebody else wrote while this thread waited. */
  contended = 0
  /** Trylocks that failed. */
  refused = 0
  /** Lockless reads that had to be done again. */
  retries = 0

  constructor(
    cpu: Cpu,
    locks: readonly TorturedLock[],
    held: readonly Held[],
    params: TortureParams,
    random: Random,
    threads: number,
    near: (message: string) => void,
  ) {
    this.cpu = cpu
    this.#locks = locks
    this.#held = held
    this.#params = params
    this.#random = random
    this.#longHoldEvery = params['long-hold-every'] * threads
    this.#near = near
  }

  /** Takes a lock or several, holds them, gives them back. @throws what was found meanwhile */
  turn(): void {
    const { locks, nested } = this.#params
    const depth = locks > 1 && this.#draw(nested) ? 2 + this.#random.below(locks - 1) : 1
    const first = locks === depth ? 0 : this.#random.below(locks - depth + 1)
    this.#wrong = undefined
    this.#take(first, first + depth)
    // Judged without a lock, so that one wrong holder does not hang all others.
    if (this.#wrong) throw this.#wrong
  }

  /** Lock `n` and those behind it: always in this order, so that no two threads wait for each other. */
  #take(n: number, end: number): void {
    const { write, read, lockless } = this.#locks[n]
    const reader = read !== undefined && this.#draw(this.#params.reads)
    if (reader && lockless && n + 1 === end && this.#readLockless(n, lockless)) return
    const way = reader ? read : write
    if (!this.#acquire(way, n)) return
    const held = this.#held[n]
    this.#note(reader ? held.beginRead() : held.beginWrite())
    if (n + 1 < end) this.#take(n + 1, end)
    else this.#hold()
    this.#note(reader ? held.endRead() : held.endWrite())
    if (reader) this.reads++
    else this.writes++
    way.unlock()
  }

  #acquire(way: Way, n: number): boolean {
    if (this.#draw(this.#params.trylocks)) {
      if (way.tryLock()) return true
      this.refused++
      return false
    }
    const before = this.#held[n].writes
    way.lock()
    const overtaken = (this.#held[n].writes - before) | 0
    if (overtaken === 0) return true
    this.contended++
    if (overtaken > this.#params.near)
      this.#near(`overtaken by ${overtaken} writers of lock ${n} while it waited for it`)
    return true
  }

  /** False: writers came in between too often. */
  #readLockless(n: number, { begin, retry }: NonNullable<TorturedLock['lockless']>): boolean {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const begun = begin()
      const found = this.#held[n].compare()
      if (!retry(begun)) {
        this.#note(found)
        this.reads++
        return true
      }
      this.retries++
    }
    return false
  }

  #note(found: OracleViolation | undefined): void {
    this.#wrong ??= found
  }

  /** Mostly a moment; rarely long, the more rarely the more threads there are: as if the holder had lost its CPU. */
  #hold(): void {
    const { hold } = this.#params
    if (this.#random.oneIn(this.#longHoldEvery)) park(this.cpu, 1 + this.#random.below(this.#params['long-hold-ms']))
    else if (hold > 0) this.cpu.delay(this.#random.below(hold + 1))
  }

  #draw(percent: number): boolean {
    return percent > 0 && this.#random.below(100) < percent
  }
}
