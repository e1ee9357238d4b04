/**
 * Queued rwlock, the kernel's: a spinning read-write lock that is fair. One word counts readers and says whether a
 * writer is in or waits. Who cannot get in at once queues at a fair spinlock, readers and writers alike, and only the
 * head of that queue looks at the word. A waiting writer sets a bit that sends new readers to the queue, so it waits for
 * those who are in and for nobody else.
 *
 * Protocol: Linux, kernel/locking/qrwlock.c, include/asm-generic/qrwlock.h. Deviations: no readers in interrupts, which
 * would pass the queue; a writer unlocks by a subtraction where the kernel stores one byte.
 *
 * Orders: taking is an acquire, for read (the addition, or the look that finds no writer) and for write (the exchange
 * that puts the writer in: that the look before it is an acquire is not enough, since readers come and go without the
 * queue's lock; fixed in Linux 84a24bf8c52e, 2021). Unlocking is a release.
 */
import { violated } from '../check/oracle.ts'
import type { Region } from '../shm/arena.ts'
import type { Cpu } from '../shm/cpu.ts'
import { struct } from '../shm/layout.ts'
import { bug, pass, passSlow, site } from '../shm/sites.ts'
import { QUEUED_SPINLOCK, QueuedSpinlock } from './queued-spinlock.ts'

/** Embeddable. All zero is unlocked. */
export const RWLOCK = struct('rwlock', {
  cnts: 'bits 0 to 7 a writer holds it, 8 a writer waits, from 9 the readers',
  wait_lock: { struct: QUEUED_SPINLOCK, describe: 'the queue of those who could not get in at once' },
})

const WRITER = 0xff
const WAITING = 0x100
const WRITERS = WRITER | WAITING
const READER = 0x200

const SITE_READ_UNLOCK = site('rwlock/read-unlock')
const SITE_READ_QUEUED = site('rwlock/read-queued')
const SITE_WRITE_QUEUED = site('rwlock/write-queued')
const SITE_WRITE_FREE = site('rwlock/write-found-free')

/** A reader leaves by a load and a store. */
const READER_LOST = bug('rwlock-reader-count-lost')
/** A writer that saw the lock free stores, instead of exchanging what it saw. */
const CHECK_THEN_ACT = bug('rwlock-writer-check-then-act')

/** A thread's handle of one lock. Its methods violate CNT where the word says that nobody can hold what is released. */
export class Rwlock {
  readonly #cpu: Cpu
  readonly #w: Int32Array
  readonly #cnts: number
  readonly #queue: QueuedSpinlock
  #writes = false

  /**
   * @param nodes made by `qnodeRegion`, for as many CPUs as there are
   * @param at    base of an `RWLOCK`, in words
   */
  constructor(cpu: Cpu, nodes: Region, at: number) {
    this.#cpu = cpu
    this.#w = cpu.w
    this.#cnts = at + RWLOCK.cnts
    this.#queue = new QueuedSpinlock(cpu, nodes, at + RWLOCK.wait_lock)
  }

  /** Who reads already and reads again may wait for ever: for a writer that waits for it. */
  readLock(): void {
    const cnts = Atomics.add(this.#w, this.#cnts, READER, 'acquire')
    if ((cnts & WRITERS) !== 0) this.#readQueued()
  }

  /** Never waits, never queues. */
  tryReadLock(): boolean {
    const w = this.#w
    if ((Atomics.load(w, this.#cnts, 'relaxed') & WRITERS) !== 0) return false
    if ((Atomics.add(w, this.#cnts, READER, 'acquire') & WRITERS) === 0) return true
    Atomics.sub(w, this.#cnts, READER, 'relaxed')
    return false
  }

  readUnlock(): void {
    const w = this.#w
    const cnts = READER_LOST ? Atomics.load(w, this.#cnts) : Atomics.sub(w, this.#cnts, READER, 'release')
    pass(SITE_READ_UNLOCK, this.#cnts, cnts)
    if (READER_LOST) Atomics.store(w, this.#cnts, cnts - READER)
    if (cnts < READER) violated('CNT', `cpu ${this.#cpu.id} unlocks rwlock ${this.#cnts}, which nobody reads`)
  }

  /** Spins until nobody else is in. Taking it twice violates CNT. */
  writeLock(): void {
    if (this.#writes) violated('CNT', `cpu ${this.#cpu.id} locks rwlock ${this.#cnts}, which it holds`)
    if (Atomics.compareExchange(this.#w, this.#cnts, 0, WRITER, 'acquire') !== 0) this.#writeQueued()
    this.#writes = true
  }

  /** Never waits, never queues. */
  tryWriteLock(): boolean {
    if (Atomics.load(this.#w, this.#cnts, 'relaxed') !== 0) return false
    if (Atomics.compareExchange(this.#w, this.#cnts, 0, WRITER, 'acquire') !== 0) return false
    this.#writes = true
    return true
  }

  writeUnlock(): void {
    if (!this.#writes) violated('CNT', `cpu ${this.#cpu.id} unlocks rwlock ${this.#cnts}, which it does not hold`)
    this.#writes = false
    const cnts = Atomics.sub(this.#w, this.#cnts, WRITER, 'release')
    if ((cnts & WRITER) !== WRITER) violated('CNT', `rwlock ${this.#cnts} was ${cnts} when its writer left`)
  }

  #readQueued(): void {
    const w = this.#w
    Atomics.sub(w, this.#cnts, READER, 'relaxed')
    passSlow(SITE_READ_QUEUED, this.#cnts, 0)
    this.#queue.lock()
    // At the head of the queue a waiting writer is behind us, or is not any more: only one that is in counts.
    Atomics.add(w, this.#cnts, READER, 'relaxed')
    for (let n = 0; (Atomics.load(w, this.#cnts, 'acquire') & WRITER) !== 0; n++) this.#cpu.relax(n)
    this.#queue.unlock()
  }

  #writeQueued(): void {
    const w = this.#w
    passSlow(SITE_WRITE_QUEUED, this.#cnts, 0)
    this.#queue.lock()
    if (Atomics.compareExchange(w, this.#cnts, 0, WRITER, 'acquire') !== 0) {
      Atomics.or(w, this.#cnts, WAITING, 'relaxed')
      for (let n = 0; !this.#enterAlone(); n++) this.#cpu.relax(n)
    }
    this.#queue.unlock()
  }

  /** Readers still come and go by adding and taking back: between the look and the exchange one may have come. */
  #enterAlone(): boolean {
    const w = this.#w
    if (Atomics.load(w, this.#cnts, 'relaxed') !== WAITING) return false
    pass(SITE_WRITE_FREE, this.#cnts, 0)
    if (!CHECK_THEN_ACT) return Atomics.compareExchange(w, this.#cnts, WAITING, WRITER, 'acquire') === WAITING
    Atomics.store(w, this.#cnts, WRITER)
    return true
  }
}
