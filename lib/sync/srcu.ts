/**
 * Sleepable RCU: sections may sleep, last long, and end on another thread than they began on, since nobody looks at what
 * a thread is doing. Each CPU counts the sections it has opened and those it has closed, under one of two indices. A
 * grace period makes the other index the current one and waits until as many sections were closed as opened under the
 * old one. Each image is a domain of its own: its grace periods wait for its own readers only.
 *
 * As in Linux, kernel/rcu/srcutree.c, a period has two scans. A reader may be held up between reading the index and
 * counting itself, and so open a section under the index that is no longer current: the first scan waits for those
 * stragglers of an earlier period, since the index is about to become current again; then comes the flip, and the second
 * scan waits for the readers of before.
 *
 * Different here: no tree, no expedited periods, and the machine is moved by whoever polls, as that of `rcu.ts` is.
 */
import { violated } from '../check/oracle.ts'
import { type ArenaBuilder, objectAt, type Region } from '../shm/arena.ts'
import type { Cpu } from '../shm/cpu.ts'
import { struct } from '../shm/layout.ts'
import { bug, pass, passSlow, site } from '../shm/sites.ts'
import { CallbackQueue } from './rcu-callbacks.ts'

const DOMAIN = struct('srcu', {
  index: 'the low bit is the index under which sections open',
  seq: 'four times the grace periods completed, plus the state of the one under way',
  machine: 'try-lock of whoever moves the machine: number + 1, 0: free',
})
const COUNTS = struct('srcu_counts', {
  opened: { words: 2, describe: 'sections opened on this CPU, by index' },
  closed: { words: 2, describe: 'sections closed on this CPU, by index' },
})

/** States of the machine, in the low bits of `seq`. */
const STATE = 3
const IDLE = 0
const SCAN_BEFORE_FLIP = 1
const SCAN_AFTER_FLIP = 2

export interface SrcuImage {
  readonly domain: Region
  readonly counts: Region
}

/** Reserves a domain for as many CPUs. */
export function srcuRegion(builder: ArenaBuilder, cpus: number): SrcuImage {
  return {
    domain: builder.region('srcu', DOMAIN, 1, { ownLines: true }),
    counts: builder.region('srcu_counts', COUNTS, cpus, { ownLines: true }),
  }
}

/** Callbacks that `poll` lets pile up before it bothers with a grace period. */
const BATCH = 16
const LAZY_POLLS = 16

const SITE_READ_LOCK = site('srcu/read-lock')
const SITE_READ_UNLOCK = site('srcu/read-unlock')
const SITE_SCAN = site('srcu/scan')
const SITE_FIRST_SCAN = site('srcu/first-scan')
const SITE_FLIP = site('srcu/flip')
const SITE_READER_SEEN = site('srcu/reader-seen')

/** A period ends when the index has been flipped. */
const NO_SECOND_SCAN = bug('srcu-no-second-scan')
/** The index is flipped without waiting for stragglers. */
const NO_FIRST_SCAN = bug('srcu-no-first-scan')
/** Opened sections are summed up before closed ones. */
const OPENED_FIRST = bug('srcu-opened-first')
/** A section is closed under the index that is current by then. */
const CLOSED_UNDER_CURRENT = bug('srcu-closed-under-current')

/** A thread's handle; one for each thread and image. */
export class Srcu {
  readonly #cpu: Cpu
  readonly #w: Int32Array
  readonly #image: SrcuImage
  readonly #index: number
  readonly #seq: number
  readonly #mine: number
  readonly #callbacks = new CallbackQueue()
  #polls = 0

  constructor(cpu: Cpu, image: SrcuImage) {
    this.#cpu = cpu
    this.#w = cpu.w
    this.#image = image
    this.#index = image.domain.base + DOMAIN.index
    this.#seq = image.domain.base + DOMAIN.seq
    this.#mine = objectAt(image.counts, cpu.id)
  }

  /** Opens a section; returns what `readUnlock` wants back. Sections nest, overlap, and may sleep. Never waits. */
  readLock(): number {
    const w = this.#w
    const index = Atomics.load(w, this.#index, 'relaxed') & 1
    pass(SITE_READ_LOCK, index, 0)
    // Full order: whatever the section loads, it loads after it is counted.
    Atomics.add(w, this.#mine + COUNTS.opened + index, 1)
    return index
  }

  /** Closes a section, be it one that another thread opened. */
  readUnlock(index: number): void {
    const w = this.#w
    const current = Atomics.load(w, this.#index, 'relaxed') & 1
    if (current !== index) pass(SITE_READ_UNLOCK, index, 0)
    // Release: who sees the section closed sees everything that was done in it as done.
    Atomics.add(w, this.#mine + COUNTS.closed + (CLOSED_UNDER_CURRENT ? current : index), 1, 'release')
  }

  /** Waits until all sections open now have closed; runs callbacks that became ripe. Never inside a section. */
  synchronize(): void {
    const cookie = this.startPoll()
    for (let n = 0; !this.polled(cookie); n++) this.#cpu.relax(n)
    this.#runRipe()
  }

  /** A cookie for `polled`: a grace period that begins from now on. */
  startPoll(): number {
    // Full order: what the caller unlinked is unlinked before this load. The period under way, if there is one, may
    // have scanned already, so that it takes the end of the next one.
    const seq = Atomics.load(this.#w, this.#seq)
    return (((seq + STATE) & ~STATE) + STATE + 1) | 0
  }

  /** Whether the cookie's grace period has ended; moves it on a little when not. */
  polled(cookie: number): boolean {
    if (this.#hasEnded(cookie)) return true
    this.#advance(cookie)
    return this.#hasEnded(cookie)
  }

  /** Runs `fn(arg)` on this thread, in a later `poll`, `synchronize` or `barrier`, after a grace period. */
  call(fn: (arg: number) => void, arg: number): void {
    this.#callbacks.push(fn, arg, this.startPoll())
  }

  /** Callbacks that wait. */
  get pending(): number {
    return this.#callbacks.length
  }

  /** To be called now and then outside of sections: moves periods on and runs ripe callbacks. Never waits. */
  poll(): void {
    if (this.#callbacks.length === 0) return
    if (this.#callbacks.length < BATCH && (++this.#polls & (LAZY_POLLS - 1)) !== 0) return
    if (this.polled(this.#callbacks.firstCookie())) this.#runRipe()
  }

  /** Waits until all callbacks of this thread have run. Called from one of them it violates HANG. */
  barrier(): void {
    if (this.#callbacks.isRunning) violated('HANG', `cpu ${this.#cpu.id}: an SRCU callback waits for itself to end`)
    while (this.#callbacks.length > 0) {
      const cookie = this.#callbacks.firstCookie()
      for (let n = 0; !this.polled(cookie); n++) this.#cpu.relax(n)
      this.#runRipe()
    }
  }

  /** Grace periods completed since the arena was made, modulo 2^30. */
  gracePeriods(): number {
    return Atomics.load(this.#w, this.#seq) >>> 2
  }

  /** Sections opened and not closed; exact when nobody opens or closes any. */
  readers(): number {
    return (
      this.#sum(COUNTS.opened) + this.#sum(COUNTS.opened + 1) - this.#sum(COUNTS.closed) - this.#sum(COUNTS.closed + 1)
    )
  }

  #runRipe(): void {
    if (!this.#callbacks.isRunning) this.#callbacks.run(Atomics.load(this.#w, this.#seq))
  }

  #hasEnded(cookie: number): boolean {
    return ((Atomics.load(this.#w, this.#seq) - cookie) | 0) >= 0
  }

  /** One step of the machine, unless another thread is at it. */
  #advance(cookie: number): void {
    const w = this.#w
    const machine = this.#image.domain.base + DOMAIN.machine
    if (Atomics.load(w, machine, 'relaxed') !== 0) return
    if (Atomics.compareExchange(w, machine, 0, this.#cpu.id + 1, 'acquire') !== 0) return
    if (!this.#hasEnded(cookie)) this.#step()
    Atomics.store(w, machine, 0, 'release')
  }

  #step(): void {
    const w = this.#w
    if ((Atomics.load(w, this.#seq) & STATE) === IDLE) Atomics.add(w, this.#seq, SCAN_BEFORE_FLIP - IDLE)
    if ((Atomics.load(w, this.#seq) & STATE) === SCAN_BEFORE_FLIP) {
      passSlow(SITE_FIRST_SCAN, Atomics.load(w, this.#seq), 0)
      if (!NO_FIRST_SCAN && !this.#isDrained(this.#other())) return
      Atomics.add(w, this.#index, 1)
      passSlow(SITE_FLIP, Atomics.load(w, this.#index), 0)
      Atomics.add(w, this.#seq, SCAN_AFTER_FLIP - SCAN_BEFORE_FLIP)
    }
    if (!NO_SECOND_SCAN && !this.#isDrained(this.#other())) return
    // Release: the callbacks that run on this number run after all that the sections did.
    Atomics.add(w, this.#seq, STATE + 1 - SCAN_AFTER_FLIP, 'release')
  }

  /** The index that is not current. */
  #other(): number {
    return (Atomics.load(this.#w, this.#index, 'relaxed') & 1) ^ 1
  }

  /** Whether at some moment during the call no section was open under the index. */
  #isDrained(index: number): boolean {
    // Closed ones first, all of them before the first opened one: then whoever is counted as closed is counted as opened
    // as well, and the sums are equal only if nobody was inside between the two. In the other order a section that
    // opens and closes in between would make up for one that is open.
    const before = OPENED_FIRST ? this.#sum(COUNTS.opened + index) : this.#sum(COUNTS.closed + index)
    pass(SITE_SCAN, index, before)
    const after = OPENED_FIRST ? this.#sum(COUNTS.closed + index) : this.#sum(COUNTS.opened + index)
    if (before === after) return true
    passSlow(SITE_READER_SEEN, index, after)
    return false
  }

  #sum(at: number): number {
    let sum = 0
    for (let cpu = 0; cpu < this.#cpu.count; cpu++)
      sum = (sum + Atomics.load(this.#w, objectAt(this.#image.counts, cpu) + at)) | 0
    return sum
  }
}
