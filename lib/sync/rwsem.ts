/**
 * Read-write semaphore: the kernel's, as it is, not a fair lock. One count word decides; writers spin a little for a
 * running owner and steal the lock past the queue; readers steal it too, but not while readers hold it and others
 * wait; who has waited for 4 ms demands a handoff, which ends the stealing.
 *
 * Protocol: Linux, kernel/locking/rwsem.c. Deviations: "the owner is on a CPU" cannot be seen from here, so a writer
 * spins, boundedly, while the owner is not parked; one writer spins at a time, the others queue at once instead of
 * queueing up to spin; no spinning on readers. And the owner word names writers only: the kernel marks it reader-owned
 * as well, with a plain store, for spinners that look at nothing else. Here that store would cost a third of an
 * uncontended read lock, and the count, which the spinner reads anyway, says the same.
 */
import { violated } from '../check/oracle.ts'
import type { Region } from '../shm/arena.ts'
import { CPU, type Cpu, RUNNING } from '../shm/cpu.ts'
import { bug, passSlow, site } from '../shm/sites.ts'
import { park } from './park.ts'
import {
  HANDOFF,
  LOCKED,
  READ_FAILED,
  READER,
  READERS,
  RWSEM,
  RwsemWaiters,
  WAITERS,
  WAKE_ANY,
  WAKE_READ_OWNED,
  WAKE_READERS,
  WRITER,
} from './rwsem-waiters.ts'

export { RWSEM, WAITER, waiterRegion } from './rwsem-waiters.ts'

/** Some 15 us: what it costs to sleep and be woken. Beyond it the owner may well have lost its core. */
const OWNER_SPINS = 400

const SITE_STEAL_READ = site('rwsem.steal-read')
const SITE_STEAL_WRITE = site('rwsem.steal-write')
const SITE_QUEUE_READ = site('rwsem.queue-read')
const SITE_QUEUE_WRITE = site('rwsem.queue-write')
const SITE_READERS_HOLD = site('rwsem.writer-meets-readers')
const SITE_HANDOFF = site('rwsem.handoff')
const SITE_KILLED = site('rwsem.killed')
const SITE_DOWNGRADE = site('rwsem.downgrade')

/** The busted lock: a queued writer heeds other writers, and overlooks the readers. */
const BUSTED = bug('rwsem-busted')

const never = (): boolean => false

/** A thread's handle of one semaphore. Taking a lock that the thread holds, or releasing one it does not, violates CNT. */
export class Rwsem {
  /** Base of the `RWSEM` in the arena, in words. */
  readonly at: number
  readonly #cpu: Cpu
  readonly #w: Int32Array
  readonly #count: number
  readonly #owner: number
  readonly #queue: RwsemWaiters
  /** The owner word while this thread holds the lock for writing. */
  readonly #asWriter: number

  /**
   * @param waiters made by `waiterRegion`, over as many CPUs as the CPU's region has
   * @param at      base of an `RWSEM`, in words
   */
  constructor(cpu: Cpu, waiters: Region, at: number) {
    this.at = at
    this.#cpu = cpu
    this.#w = cpu.w
    this.#count = at + RWSEM.count
    this.#owner = at + RWSEM.owner
    this.#queue = new RwsemWaiters(cpu, waiters, at)
    this.#asWriter = cpu.id + 1
  }

  downRead(): void {
    const count = (Atomics.add(this.#w, this.#count, READER, 'acquire') + READER) | 0
    if ((count & READ_FAILED) !== 0) this.#downReadSlow(count, never)
  }

  /** Never waits, never queues. */
  downReadTrylock(): boolean {
    const w = this.#w
    for (let seen = 0; ; ) {
      const found = Atomics.compareExchange(w, this.#count, seen, seen + READER, 'acquire')
      if (found === seen) return true
      if (found & READ_FAILED) return false
      seen = found
    }
  }

  /**
   * @param killed asked before each sleep; who makes it true must also `unpark` the thread
   * @returns false when it was killed, without the lock
   */
  downReadKillable(killed: () => boolean): boolean {
    const count = (Atomics.add(this.#w, this.#count, READER, 'acquire') + READER) | 0
    return (count & READ_FAILED) === 0 || this.#downReadSlow(count, killed)
  }

  upRead(): void {
    const count = (Atomics.add(this.#w, this.#count, -READER, 'release') - READER) | 0
    if (count < 0) this.#notHeld('read')
    // The last reader wakes; with a writer in, it is the writer's turn to do so.
    if ((count & (LOCKED | WAITERS)) === WAITERS) this.#wake()
  }

  downWrite(): void {
    if (Atomics.compareExchange(this.#w, this.#count, 0, WRITER, 'acquire') === 0) this.#noteWriter()
    else this.#downWriteSlow(never)
  }

  downWriteTrylock(): boolean {
    if (Atomics.compareExchange(this.#w, this.#count, 0, WRITER, 'acquire') !== 0) return false
    this.#noteWriter()
    return true
  }

  /** As `downReadKillable`. */
  downWriteKillable(killed: () => boolean): boolean {
    if (Atomics.compareExchange(this.#w, this.#count, 0, WRITER, 'acquire') !== 0) return this.#downWriteSlow(killed)
    this.#noteWriter()
    return true
  }

  upWrite(): void {
    // The owner first: once the count is free the next owner may already be writing its own name.
    if (Atomics.exchange(this.#w, this.#owner, 0, 'relaxed') !== this.#asWriter) this.#notHeld('write')
    if (Atomics.sub(this.#w, this.#count, WRITER, 'release') & WAITERS) this.#wake()
  }

  /** Turns write into read without letting a writer in between. */
  downgradeWrite(): void {
    if (Atomics.exchange(this.#w, this.#owner, 0, 'relaxed') !== this.#asWriter) this.#notHeld('write')
    const old = Atomics.add(this.#w, this.#count, READER - WRITER, 'release')
    passSlow(SITE_DOWNGRADE, this.at, old)
    if (old & WAITERS) this.#wakeReaders()
  }

  /** Whether anybody holds it. */
  isLocked(): boolean {
    return (Atomics.load(this.#w, this.#count) & LOCKED) !== 0
  }

  /** Whether somebody waits: a long holder may want to let go. */
  isContended(): boolean {
    return (Atomics.load(this.#w, this.#count) & WAITERS) !== 0
  }

  isHeldWrite(): boolean {
    return Atomics.load(this.#w, this.#owner) === this.#asWriter
  }

  /** Somebody must hold it; whether it is this thread is not known of readers. Violates CNT. */
  assertHeld(): void {
    if (!this.isLocked()) this.#notHeld('read')
  }

  /** This thread must hold it for writing. Violates CNT. */
  assertHeldWrite(): void {
    if (!this.isHeldWrite()) this.#notHeld('write')
  }

  #noteWriter(): void {
    Atomics.store(this.#w, this.#owner, this.#asWriter, 'relaxed')
  }

  /** Wakes who may go on now that the lock is free. */
  #wake(): void {
    this.#queue.lock()
    this.#queue.markWake(WAKE_ANY)
    this.#queue.unlockAndWake()
  }

  #wakeReaders(): void {
    this.#queue.lock()
    this.#queue.markWake(WAKE_READ_OWNED)
    this.#queue.unlockAndWake()
  }

  #downReadSlow(count: number, killed: () => boolean): boolean {
    this.#assertNotOwner()
    if (this.#stealRead(count)) return true
    const queue = this.#queue
    queue.lock()
    const alone = queue.isEmpty()
    if (alone && !(Atomics.load(this.#w, this.#count) & WRITER)) {
      // Nobody to queue behind, and the bias is in the count already: we hold it.
      queue.unlock()
      return true
    }
    passSlow(SITE_QUEUE_READ, this.at, count)
    queue.enqueue(false)
    // In one addition the bias goes and the waiters bit comes: whoever unlocks after it finds the bit and wakes us,
    // whoever unlocked before it is seen in what it returns, and then we wake whoever is first, maybe ourselves.
    this.#wakeUnlessWritten((Atomics.add(this.#w, this.#count, alone ? WAITERS - READER : -READER) - READER) | 0)
    queue.unlockAndWake()
    return this.#awaitRead(killed)
  }

  /** The bias is in the count: unless a writer holds the lock or is owed it, it may be kept past the queue. */
  #stealRead(count: number): boolean {
    // A steady stream of readers would starve who waits: while readers hold the lock, newcomers queue.
    if (count & (WRITER | HANDOFF) || (count & READERS) !== READER) return false
    passSlow(SITE_STEAL_READ, this.at, count)
    // The first reader lets the waiting readers in with it.
    if (count & WAITERS) this.#wakeReaders()
    return true
  }

  #awaitRead(killed: () => boolean): boolean {
    const queue = this.#queue
    while (queue.waits()) {
      if (killed()) {
        queue.lock()
        // Under the wait lock the question is settled: still queued, or granted while we were being killed.
        if (queue.waits()) return this.#giveUp()
        queue.unlock()
        return true
      }
      park(this.#cpu)
    }
    return true
  }

  #downWriteSlow(killed: () => boolean): boolean {
    this.#assertNotOwner()
    if (this.#spinWrite()) return true
    const queue = this.#queue
    queue.lock()
    passSlow(SITE_QUEUE_WRITE, this.at, 0)
    const first = queue.isEmpty()
    queue.enqueue(true)
    // The bit must be there before the lock is tried: an unlock that comes after the try has to find it.
    if (first) Atomics.or(this.#w, this.#count, WAITERS)
    else this.#wakeAhead()
    let spins = 0
    while (!this.#tryWriteQueued()) {
      queue.unlock()
      if (killed()) {
        queue.lock()
        return this.#giveUp()
      }
      if (spins < OWNER_SPINS && this.#isNext()) this.#cpu.relax(spins++)
      else park(this.#cpu)
      queue.lock()
    }
    queue.dequeue()
    queue.unlock()
    this.#noteWriter()
    return true
  }

  /** The lock may have been freed, and the waiters ahead of us not yet woken, while we came. */
  #wakeAhead(): void {
    this.#wakeUnlessWritten(Atomics.load(this.#w, this.#count))
    this.#queue.unlockAndWake()
    this.#queue.lock()
  }

  #wakeUnlessWritten(count: number): void {
    if (count & WRITER) return
    this.#queue.markWake(count & READERS ? WAKE_READERS : WAKE_ANY)
  }

  /** The lock is owed to this thread, and its owner runs: it will unlock in a moment, and nobody can come in between. */
  #isNext(): boolean {
    const count = Atomics.load(this.#w, this.#count)
    return (count & HANDOFF) !== 0 && (count & READERS) === 0 && this.#queue.isFirst() && this.#writerRuns()
  }

  /** Under the wait lock, this thread queued. Demands the handoff when it has waited long enough. */
  #tryWriteQueued(): boolean {
    const w = this.#w
    const queue = this.#queue
    for (;;) {
      const count = Atomics.load(w, this.#count)
      if (count & HANDOFF && !queue.isFirst()) return false
      if (count & READERS) passSlow(SITE_READERS_HOLD, this.at, count)
      let wanted: number
      const taken = (count & (BUSTED ? WRITER : LOCKED)) !== 0
      if (taken) {
        if (count & HANDOFF || !queue.isOverdue()) return false
        wanted = count | HANDOFF
      } else {
        wanted = (count | WRITER) & ~HANDOFF
        if (queue.isAlone()) wanted &= ~WAITERS
      }
      if (Atomics.compareExchange(w, this.#count, count, wanted, 'acquire') !== count) continue
      if (taken) passSlow(SITE_HANDOFF, this.at, this.#cpu.id + 1)
      return !taken
    }
  }

  /** Bounded optimistic spinning, one writer at a time; steals the lock past the queue the moment it is free. */
  #spinWrite(): boolean {
    const w = this.#w
    const spinner = this.at + RWSEM.spinner
    if (Atomics.compareExchange(w, spinner, 0, this.#cpu.id + 1) !== 0) return false
    let stolen = false
    for (let n = 0; n < OWNER_SPINS && !stolen; n++) {
      const count = Atomics.load(w, this.#count)
      if (count & WRITER ? !this.#writerRuns() : count & (READERS | HANDOFF)) break
      stolen = (count & WRITER) === 0 && this.#stealWrite(count)
      if (!stolen) this.#cpu.relax(n)
    }
    Atomics.store(w, spinner, 0, 'release')
    return stolen
  }

  #stealWrite(count: number): boolean {
    if (Atomics.compareExchange(this.#w, this.#count, count, count | WRITER, 'acquire') !== count) return false
    this.#noteWriter()
    passSlow(SITE_STEAL_WRITE, this.at, count)
    return true
  }

  /** Whether spinning for the writer may pay: it is not parked, or it is just coming or going. */
  #writerRuns(): boolean {
    const owner = Atomics.load(this.#w, this.#owner)
    return owner === 0 || Atomics.load(this.#w, this.#cpu.cellOf(owner - 1, CPU.state)) === RUNNING
  }

  /** Under the wait lock: leaves the queue without the lock. Returns false. */
  #giveUp(): boolean {
    const queue = this.#queue
    const first = queue.isFirst()
    passSlow(SITE_KILLED, this.at, first ? 1 : 0)
    queue.dequeue()
    // An empty queue is owed nothing. Otherwise the next in line inherits the handoff, and the wake-up that may have
    // been spent on us.
    if (queue.isEmpty()) Atomics.and(this.#w, this.#count, ~(WAITERS | HANDOFF), 'relaxed')
    else if (first) queue.markWake(WAKE_ANY)
    queue.unlockAndWake()
    return false
  }

  #assertNotOwner(): void {
    if (this.isHeldWrite())
      violated('CNT', `cpu ${this.#cpu.id} waits for rwsem ${this.at}, which it holds for writing`)
  }

  #notHeld(how: string): never {
    const count = Atomics.load(this.#w, this.#count)
    violated('CNT', `cpu ${this.#cpu.id} does not hold rwsem ${this.at} for ${how}: count ${count}`, { count })
  }
}
