/**
 * Read-copy-update with real grace periods. A reader stores once when its outermost section opens and once when it
 * closes, into a word of its own; whoever wants a grace period looks at all those words and waits until each CPU has
 * been seen outside a section, or in a later one, since the period began.
 *
 * The machine that does the looking is shared: a sequence number, a snapshot of every CPU's word, and a try-lock under
 * which whoever polls moves it on. So one period serves the callbacks of all, as in the kernel's tree; and, since
 * nobody owns the machine, it needs no thread of its own.
 */
import { violated } from '../check/oracle.ts'
import { type ArenaBuilder, objectAt, type Region } from '../shm/arena.ts'
import { CPU, type Cpu, RUNNING } from '../shm/cpu.ts'
import { struct } from '../shm/layout.ts'
import { bug, pass, passSlow, site } from '../shm/sites.ts'
import { microsSince, nowMicros } from './clock.ts'
import { CallbackQueue } from './rcu-callbacks.ts'

const GRACE = struct('rcu', {
  seq: 'twice the grace periods completed; odd while one is under way',
  machine: 'try-lock of whoever moves the machine: number + 1, 0: free',
  started: 'when the period under way began, microseconds modulo 2^32',
})
const READER = struct('rcu_reader', {
  section: 'changes whenever an outermost section opens or closes; odd inside',
  depth: 'how deep sections nest, for reports; written below the outermost only',
})
const SNAPSHOT = struct('rcu_snapshot', {
  section: 'the odd word seen of a CPU that the period waits for; 0: it does not wait for it',
})

/** Where RCU keeps its cells. */
export interface RcuImage {
  readonly grace: Region
  readonly readers: Region
  readonly snapshots: Region
}

/** Reserves what RCU needs for as many CPUs. */
export function rcuRegion(builder: ArenaBuilder, cpus: number): RcuImage {
  return {
    grace: builder.region('rcu', GRACE, 1),
    readers: builder.region('rcu_reader', READER, cpus, { ownLines: true }),
    snapshots: builder.region('rcu_snapshot', SNAPSHOT, cpus),
  }
}

/** Callbacks that `poll` lets pile up before it bothers with a grace period: one period then serves them all. */
const BATCH = 16
/** Polls after which it does so for fewer. */
const LAZY_POLLS = 16
/** So many waiting callbacks make `poll` wait, at a place that the owner chose, until half of them have run. */
const BACKLOG = 256
/** So many make even `call` wait. */
const BACKLOG_MAX = 8192

/** Looks at an overdue period before it is called stalled. */
const LOOKS = 1024

const SITE_START = site('rcu.period-start')
const SITE_READER_SEEN = site('rcu.reader-seen')
const SITE_END = site('rcu.period-end')
const SITE_JOIN = site('rcu.call-in-period')

/** A grace period that looks at nobody. */
const NO_GRACE_PERIOD = bug('rcu-no-grace-period')
/** A callback takes the period under way for its own, although that may have passed readers that still hold on. */
const JOIN_PERIOD = bug('rcu-join-period')

/** A thread's handle; one for each thread and image. Only an online CPU (`cpu.run()`) may read. */
export class Rcu {
  readonly #cpu: Cpu
  readonly #w: Int32Array
  readonly #image: RcuImage
  readonly #seq: number
  readonly #section: number
  readonly #depth: number
  readonly #stallUs: number
  readonly #callbacks = new CallbackQueue()
  /** The owner's copy of its word. */
  #mine: number
  #nesting = 0
  #polls = 0
  /** Looks at a period that could not end, since the clock was last read. */
  #looks = 0
  /** When this thread first found the period under way overdue, and which one it was. */
  #overdueAt = 0
  #overdueSeq = 0

  /** @param stallMs a grace period that takes longer violates HANG; wall time, at most half an hour */
  constructor(cpu: Cpu, image: RcuImage, stallMs = 10_000) {
    this.#cpu = cpu
    this.#w = cpu.w
    this.#image = image
    this.#seq = image.grace.base + GRACE.seq
    this.#section = objectAt(image.readers, cpu.id) + READER.section
    this.#depth = objectAt(image.readers, cpu.id) + READER.depth
    this.#stallUs = stallMs * 1000
    this.#mine = Atomics.load(this.#w, this.#section)
  }

  /** Opens a section: what is reachable now is not freed before it closes. Sections nest. Never waits. */
  readLock(): void {
    if (this.#nesting++ === 0) {
      this.#mine = (this.#mine + 1) | 0
      // Full order: whatever the section loads, it loads after this store. A grace period that reads the word before
      // the store began after whatever it waits for was unlinked, so the section cannot find that any more.
      Atomics.store(this.#w, this.#section, this.#mine)
    } else Atomics.store(this.#w, this.#depth, this.#nesting, 'relaxed')
  }

  readUnlock(): void {
    if (--this.#nesting === 0) {
      this.#mine = (this.#mine + 1) | 0
      // Release: who sees the section closed sees everything that was done in it as done.
      Atomics.store(this.#w, this.#section, this.#mine, 'release')
    } else if (this.#nesting < 0) violated('CNT', `cpu ${this.#cpu.id} closes an RCU section that it did not open`)
    else Atomics.store(this.#w, this.#depth, this.#nesting, 'relaxed')
  }

  isReading(): boolean {
    return this.#nesting > 0
  }

  /** For what sleeps or waits for a grace period. Violates CNT inside a section. */
  assertNotReading(): void {
    if (this.#nesting > 0) violated('CNT', `cpu ${this.#cpu.id} sleeps in an RCU section, nested ${this.#nesting} deep`)
  }

  /** Waits until all sections open now have closed; runs callbacks that became ripe. */
  synchronize(): void {
    this.assertNotReading()
    this.#waitFor(this.startPoll())
    this.#runRipe()
  }

  /** A cookie for `polled`: a grace period that begins from now on. */
  startPoll(): number {
    // Full order: what the caller unlinked is unlinked before this load. Even: the next period will do, and it ends at
    // seq + 2. Odd: the period under way may already have passed a reader that found what was unlinked; the next one.
    const seq = Atomics.load(this.#w, this.#seq)
    if (!(seq & 1)) return (seq + 2) | 0
    pass(SITE_JOIN, seq, 0)
    return JOIN_PERIOD ? (seq + 1) | 0 : (seq + 3) | 0
  }

  /** Whether the cookie's grace period has ended; moves it on a little when not. */
  polled(cookie: number): boolean {
    if (this.#hasEnded(cookie)) return true
    this.#advance(cookie)
    return this.#hasEnded(cookie)
  }

  /**
   * Calls `fn(arg)` on this thread after a grace period, from `poll`, `synchronize` or `barrier`. Neither allocates
   * nor waits, once warm, unless the owner polls so rarely that thousands of callbacks wait.
   */
  call(fn: (arg: number) => void, arg: number): void {
    if (this.#callbacks.length >= BACKLOG_MAX && this.#nesting === 0) this.#drainTo(BACKLOG_MAX / 2)
    this.#callbacks.push(fn, arg, this.startPoll())
  }

  /** Callbacks that wait. */
  get pending(): number {
    return this.#callbacks.length
  }

  /**
   * To be called now and then where the thread holds nothing that a reader may wait for. Costs no atomic operation
   * most of the time; runs ripe callbacks; waits when too many pile up, so that updaters cannot outrun readers.
   */
  poll(): void {
    if (this.#callbacks.length === 0) return
    if (this.#callbacks.length < BATCH && (++this.#polls & (LAZY_POLLS - 1)) !== 0) return
    this.assertNotReading()
    if (this.#callbacks.length >= BACKLOG) this.#drainTo(BACKLOG / 2)
    else if (this.polled(this.#callbacks.firstCookie())) this.#runRipe()
  }

  /** Waits until all callbacks of this thread have run. Called from one of them it violates HANG. */
  barrier(): void {
    this.assertNotReading()
    if (this.#callbacks.isRunning) violated('HANG', `cpu ${this.#cpu.id}: an RCU callback waits for itself to end`)
    this.#drainTo(0)
  }

  /** Grace periods completed since the arena was made, modulo 2^31. */
  gracePeriods(): number {
    return Atomics.load(this.#w, this.#seq) >>> 1
  }

  /** Waits until no more than so many callbacks wait. Inside a callback it only returns: its caller will go on. */
  #drainTo(length: number): void {
    if (this.#callbacks.isRunning) return
    while (this.#callbacks.length > length) {
      this.#waitFor(this.#callbacks.firstCookie())
      this.#runRipe()
    }
  }

  #runRipe(): void {
    if (!this.#callbacks.isRunning) this.#callbacks.run(Atomics.load(this.#w, this.#seq))
  }

  #waitFor(cookie: number): void {
    for (let n = 0; !this.polled(cookie); n++) this.#cpu.relax(n)
  }

  #hasEnded(cookie: number): boolean {
    return ((Atomics.load(this.#w, this.#seq) - cookie) | 0) >= 0
  }

  /** One step of the machine, unless another thread is at it: begins a period if the cookie needs one, ends it if it can. */
  #advance(cookie: number): void {
    const w = this.#w
    const machine = this.#image.grace.base + GRACE.machine
    if (Atomics.load(w, machine, 'relaxed') !== 0) return
    if (Atomics.compareExchange(w, machine, 0, this.#cpu.id + 1, 'acquire') !== 0) return
    if (!this.#hasEnded(cookie)) {
      if (!(Atomics.load(w, this.#seq) & 1)) this.#begin()
      if (!this.#readersRemain()) this.#end()
    }
    Atomics.store(w, machine, 0, 'release')
  }

  #begin(): void {
    const w = this.#w
    // The number before the snapshot: a caller that still reads the even number unlinked before any word is read here.
    const seq = Atomics.add(w, this.#seq, 1)
    Atomics.store(w, this.#image.grace.base + GRACE.started, nowMicros(), 'relaxed')
    passSlow(SITE_START, seq, 0)
    for (let cpu = 0; cpu < this.#cpu.count; cpu++) {
      let section = Atomics.load(w, objectAt(this.#image.readers, cpu) + READER.section)
      if (section & 1) passSlow(SITE_READER_SEEN, seq, cpu)
      else section = 0
      Atomics.store(w, objectAt(this.#image.snapshots, cpu), NO_GRACE_PERIOD ? 0 : section, 'relaxed')
    }
  }

  #end(): void {
    // Release: the callbacks that run on this number run after all that the sections did.
    const seq = Atomics.add(this.#w, this.#seq, 1, 'release')
    passSlow(SITE_END, seq, 0)
  }

  /** Crosses off the CPUs whose word has changed; whether any remains. */
  #readersRemain(): boolean {
    const w = this.#w
    let remain = false
    for (let cpu = 0; cpu < this.#cpu.count; cpu++) {
      const snapshot = objectAt(this.#image.snapshots, cpu)
      const seen = Atomics.load(w, snapshot, 'relaxed')
      if (seen === 0) continue
      // Acquire: pairs with the release of readUnlock. Any change will do, since an odd word that differs belongs to
      // a section that opened after the period began.
      if (Atomics.load(w, objectAt(this.#image.readers, cpu) + READER.section, 'acquire') !== seen) {
        Atomics.store(w, snapshot, 0, 'relaxed')
        continue
      }
      remain = true
      this.#examine(cpu, seen)
    }
    return remain
  }

  /** A CPU holds the period up: is that in order? */
  #examine(cpu: number, seen: number): void {
    const w = this.#w
    const section = objectAt(this.#image.readers, cpu) + READER.section
    // The word is odd before and after the state is read, and never takes a value twice, so the section was open then.
    if (Atomics.load(w, this.#cpu.cellOf(cpu, CPU.state)) !== RUNNING && Atomics.load(w, section) === seen)
      violated('CNT', `cpu ${cpu} is in an RCU section while it is parked or offline`, this.#describe(cpu))
    // Reading the clock costs as much as the rest of a look.
    if ((++this.#looks & 63) === 0) this.#detectStall(cpu)
  }

  #detectStall(cpu: number): void {
    const started = Atomics.load(this.#w, this.#image.grace.base + GRACE.started, 'relaxed')
    if (microsSince(started) < this.#stallUs) return
    const seq = Atomics.load(this.#w, this.#seq)
    // A second opinion, later and after many more looks: when the whole process stood still, be it stopped or short of
    // a core, the period ends now that it runs again.
    if (this.#overdueSeq !== seq) {
      this.#overdueSeq = seq
      this.#overdueAt = nowMicros()
      this.#looks = 0
    } else if (this.#looks >= LOOKS && microsSince(this.#overdueAt) > this.#stallUs / 10) {
      const ms = Math.round(microsSince(started) / 1000)
      violated('HANG', `an RCU grace period waits for cpu ${cpu} for ${ms} ms`, this.#describe(cpu))
    }
  }

  #describe(cpu: number): object {
    const w = this.#w
    const reader = objectAt(this.#image.readers, cpu)
    return {
      cpu,
      state: ['offline', 'running', 'parked'][Atomics.load(w, this.#cpu.cellOf(cpu, CPU.state))],
      section: Atomics.load(w, reader + READER.section),
      nesting: Math.max(1, Atomics.load(w, reader + READER.depth)),
      gracePeriod: Atomics.load(w, this.#seq),
    }
  }
}
