/**
 * RCU of any flavour under rcutorture's load. A writer replaces a current element again and again; each replaced element goes through
 * a pipeline and ages by one with every grace period. A reader that holds an element while its age goes beyond one was
 * not waited for. Elements are recycled and never unmapped, so that a violation is counted and nothing crashes.
 */
import { violated } from '../../lib/check/oracle.ts'
import { ArenaBuilder, type ArenaImage, objectAt, type Region } from '../../lib/shm/arena.ts'
import { CPU, Cpu, cpuRegion } from '../../lib/shm/cpu.ts'
import { struct } from '../../lib/shm/layout.ts'
import type { CheckContext, Conclusion, OpenContext, ParamSpecs, Random, RunContext } from '../../torture/scenario.ts'

/** Elements in the pool, and the age at which one returns to it. */
const ELEMENTS = 100
const PIPELINE = 10
/** Callbacks of one barrier test, and how often a flooding callback calls itself again. */
const BARRIER_CALLBACKS = 4
const LAUNDERED = 3
const REPORT_EVERY = 256

const ELEMENT = struct('element', {
  age: '0 while current, 1 once replaced, then one more with every grace period',
  value: 'differs with every use of the element',
})
const CURRENT = struct('current', { element: 'base of the element that readers find' })

/** What a flavour can do, as rcutorture's `rcu_torture_ops`. */
export interface Flavour {
  /** Opens a section; returns what `readUnlock` wants back. Sections nest, and need not end in their order. */
  readLock(): number
  readUnlock(section: number): void
  synchronize(): void
  startPoll(): number
  polled(cookie: number): boolean
  call(fn: (arg: number) => void, arg: number): void
  poll(): void
  barrier(): void
  gracePeriods(): number
}

/** How a flavour is made; `I` is its image. */
export interface Suite<I> {
  /**
   * Whether sections that overlap make one: whether what was found in the first may be used until the last is closed.
   * Where each section is counted for itself, a grace period need not wait for one that opens while it is under way.
   */
  readonly extends: boolean
  /** Whether readers may go to sleep in a section, as far as the CPU is concerned. */
  readonly sleepable: boolean
  readonly reserve: (builder: ArenaBuilder, cpus: number) => I
  readonly open: (cpu: Cpu, image: I, params: any) => Flavour
}

export interface Shared {
  readonly arena: ArenaImage
  readonly cpus: Region
  readonly image: any
  readonly elements: Region
  readonly current: Region
}

interface Params {
  readonly longReadEvery: number
  readonly longReadMs: number
  readonly shortReadEvery: number
  readonly floodCallbacks: number
  readonly floodMs: number
}

type Open = Omit<OpenContext<Shared, any>, 'params'> & { readonly params: Params }

type Context<L> = RunContext<Shared, ParamSpecs, L>

class Local {
  readonly w: Int32Array
  readonly cpu: Cpu
  readonly rcu: Flavour
  readonly shared: Shared
  readonly params: Params
  readonly random: Random
  readonly readers: number

  constructor({ shared, params, random, thread, threads }: Open, suite: Suite<any>) {
    this.w = shared.arena.words
    this.cpu = new Cpu(this.w, shared.cpus, thread)
    this.rcu = suite.open(this.cpu, shared.image, params)
    this.shared = shared
    this.params = params
    this.random = random
    this.readers = threads.reader
  }

  /** Waits for a grace period in one of the ways there are, other than a callback. */
  awaitGracePeriod(): void {
    if (this.random.oneIn(2)) {
      this.rcu.synchronize()
      return
    }
    const cookie = this.rcu.startPoll()
    for (let n = 0; !this.rcu.polled(cookie); n++) this.cpu.relax(n)
  }
}

/** The writer's pool: private, since only its thread takes from it, and its callbacks run on its thread. */
class Writer extends Local {
  readonly #free: number[] = []
  /** Replaced, and aged by hand after each grace period that the writer waits for. */
  #removed: number[] = []
  #value = 0
  updates = 0
  callbacks = 0

  constructor(open: Open, suite: Suite<any>) {
    super(open, suite)
    for (let n = 1; n < ELEMENTS; n++) this.#free.push(objectAt(this.shared.elements, n))
  }

  update(): void {
    const fresh = this.#free.pop()
    if (fresh !== undefined) this.#replace(fresh)
    else this.awaitGracePeriodForAll()
    this.rcu.poll()
  }

  #replace(fresh: number): void {
    const { w } = this
    Atomics.store(w, fresh + ELEMENT.value, ++this.#value | 0)
    Atomics.store(w, fresh + ELEMENT.age, 0)
    const old = Atomics.exchange(w, this.shared.current.base + CURRENT.element, fresh)
    // Only now is it older than current: a reader that finds it later than this is one that held it.
    Atomics.store(w, old + ELEMENT.age, 1)
    this.updates++
    if (this.random.oneIn(3)) {
      this.#removed.push(old)
      this.awaitGracePeriodForAll()
    } else this.rcu.call(this.#aged, old)
  }

  awaitGracePeriodForAll(): void {
    this.awaitGracePeriod()
    this.#removed = this.#removed.filter(element => !this.#age(element))
  }

  readonly #aged = (element: number): void => {
    this.callbacks++
    if (!this.#age(element)) this.rcu.call(this.#aged, element)
  }

  /** One grace period older; whether it left the pipeline. */
  #age(element: number): boolean {
    if (Atomics.add(this.w, element + ELEMENT.age, 1) + 1 < PIPELINE) return false
    Atomics.add(this.w, element + ELEMENT.value, 1 << 30)
    this.#free.push(element)
    return true
  }

  /** All elements are somewhere. */
  audit(): void {
    this.rcu.barrier()
    const found = this.#free.length + this.#removed.length + 1
    if (found !== ELEMENTS) violated('CNT', `of ${ELEMENTS} elements ${found} are left once all callbacks have run`)
  }
}

class Reader extends Local {
  reads = 0
  /** Reads whose element was replaced while they held it: the only ones that prove anything. */
  spanned = 0
  /** Reads that found two grace periods complete: no error in itself, and not to be expected either. */
  close = 0
  readonly #extends: boolean
  readonly #sleepable: boolean
  /** Sections that are open; the first is the one in which the element was found. */
  readonly #sections: number[] = []

  constructor(open: Open, suite: Suite<any>) {
    super(open, suite)
    this.#extends = suite.extends
    this.#sleepable = suite.sleepable
  }

  read(): void {
    const { w, rcu, random } = this
    this.#lock()
    const began = rcu.gracePeriods()
    const element = Atomics.load(w, this.shared.current.base + CURRENT.element)
    const value = Atomics.load(w, element + ELEMENT.value)
    this.#linger()
    // Segments overlap: new protection is taken before old is dropped, so there is no gap.
    for (let segments = 1 + random.below(8); segments > 0; segments--) {
      for (let more = 1 + random.below(2); more > 0; more--) this.#lock()
      this.#linger()
      for (let less = 1 + random.below(this.#sections.length - 1); less > 0; less--) this.#unlock()
    }
    const age = Atomics.load(w, element + ELEMENT.age)
    const changed = Atomics.load(w, element + ELEMENT.value) !== value
    const periods = rcu.gracePeriods() - began
    while (this.#sections.length > 0) this.#unlock()
    this.#judge(age, changed, periods)
  }

  #lock(): void {
    this.#sections.push(this.rcu.readLock())
  }

  /** Closes one of the sections, whichever; the first one last if it is the one that protects. */
  #unlock(): void {
    const sections = this.#sections
    const first = this.#extends || sections.length === 1 ? 0 : 1
    const at = first + this.random.below(sections.length - first)
    const section = sections[at]
    sections[at] = sections[sections.length - 1]
    sections.pop()
    this.rcu.readUnlock(section)
  }

  #judge(age: number, changed: boolean, periods: number): void {
    this.reads++
    if (age === 1) this.spanned++
    if (periods > 1) this.close++
    const seen = { age, gracePeriods: periods, recycled: changed }
    if (age > 1) violated('GEN', `a grace period was too short: a reader holds an element of age ${age}`, seen)
    if (changed) violated('GEN', 'an element was recycled under a reader', seen)
  }

  /** Rarely, the more rarely the more readers there are, a reader takes long: asleep, spinning, or off its core. */
  #linger(): void {
    const { random, params, readers, w, cpu } = this
    const nap = cpu.base + CPU.nap
    const rarely = params.shortReadEvery * readers
    if (random.oneIn(params.longReadEvery * readers)) {
      if (this.#sleepable) cpu.idle()
      Atomics.wait(w, nap, 0, params.longReadMs)
      if (this.#sleepable) cpu.run()
    } else if (random.oneIn(rarely)) random.oneIn(2) ? spinFor(0.2) : Atomics.wait(w, nap, 0, 0)
    else cpu.delay(random.below(8))
  }
}

class Flooder extends Local {
  tries = 0
  valid = 0
  invoked = 0
  #laundered = 0
  #outstanding = 0

  /** Far more callbacks than anybody waits for at a time, each calling itself again: all must run, and soon. */
  flood(): void {
    this.tries++
    this.#laundered = 0
    const before = this.rcu.gracePeriods()
    for (let n = this.params.floodCallbacks; n > 0; n--) {
      this.#outstanding++
      this.rcu.call(this.#again, LAUNDERED)
      this.rcu.poll()
    }
    const began = performance.now()
    for (let n = 0; this.#outstanding > 0; n++) {
      this.rcu.poll()
      this.cpu.relax(n)
      if ((n & 63) === 63 && performance.now() - began > this.params.floodMs)
        violated('HANG', `${this.#outstanding} callbacks still wait after ${this.params.floodMs} ms`)
    }
    if (this.#laundered >= 100 && this.rcu.gracePeriods() - before > LAUNDERED) this.valid++
  }

  readonly #again = (times: number): void => {
    this.invoked++
    if (times > 0) this.rcu.call(this.#again, times - 1)
    else {
      this.#laundered++
      this.#outstanding--
    }
  }
}

class Barrier extends Local {
  tries = 0
  #ran = 0

  test(): void {
    this.tries++
    this.#ran = 0
    for (let n = 0; n < BARRIER_CALLBACKS; n++) this.rcu.call(this.#run, n)
    const early = this.#ran
    this.rcu.barrier()
    if (early > 0) violated('GEN', `${early} callbacks ran before they could: inside call()`)
    if (this.#ran !== BARRIER_CALLBACKS)
      violated('CNT', `a barrier returned when ${this.#ran} of ${BARRIER_CALLBACKS} callbacks had run`)
  }

  readonly #run = (): void => {
    this.#ran++
  }
}

function begin(local: Local, count: Context<Local>['count']): void {
  local.cpu.run()
  // The first counter named is the work that is reported, of a run that ends at once, too.
  count('reads', 0)
}

function runWriter({ local, more, count, random }: Context<Writer>): number[] {
  begin(local, count)
  const began = local.rcu.gracePeriods()
  let reported = 0
  while (more()) {
    local.update()
    local.cpu.delay(random.below(64))
    if (local.updates - reported >= REPORT_EVERY) {
      count('updates', local.updates - reported)
      reported = local.updates
    }
  }
  local.audit()
  local.cpu.offline()
  count('updates', local.updates - reported)
  count('callbacks', local.callbacks)
  const periods = local.rcu.gracePeriods() - began
  count('grace periods', periods)
  return [local.updates, periods]
}

function runFakeWriter({ local, more, count, random }: Context<Local>): number[] {
  begin(local, count)
  let invoked = 0
  const invoke = (): void => {
    invoked++
  }
  while (more()) {
    if (random.oneIn(3)) local.rcu.call(invoke, 0)
    else local.awaitGracePeriod()
    local.rcu.poll()
    local.cpu.linger(random.below(256))
  }
  local.rcu.barrier()
  local.cpu.offline()
  count('callbacks', invoked)
  return []
}

function runReader({ local, more, count, near }: Context<Reader>): number[] {
  begin(local, count)
  let reported = 0
  while (more()) {
    const { close } = local
    local.read()
    if (local.close > close) near('a reader saw two grace periods end')
    if (local.reads - reported >= REPORT_EVERY) {
      count('reads', local.reads - reported)
      reported = local.reads
    }
  }
  local.cpu.offline()
  count('reads', local.reads - reported)
  count('spanned', local.spanned)
  return [local.reads, local.spanned]
}

function runFlooder({ local, more, count, random }: Context<Flooder>): number[] {
  begin(local, count)
  while (more()) {
    local.flood()
    local.cpu.linger(random.below(4096))
  }
  local.rcu.barrier()
  local.cpu.offline()
  count('callbacks', local.invoked)
  count('floods', local.tries)
  return [local.tries, local.valid]
}

function runBarrier({ local, more, count, random }: Context<Barrier>): number[] {
  begin(local, count)
  while (more()) {
    local.test()
    local.cpu.linger(random.below(1024))
  }
  local.cpu.offline()
  count('barriers', local.tries)
  return [local.tries]
}

const pause = (local: Local): void => local.cpu.idle()
const resume = (local: Local): void => local.cpu.run()

/** A scenario but for its name and summary. */
export const gracePeriods = <I>(suite: Suite<I>) => ({
  tags: ['sync', 'rcu', 'kernel'],
  params: {
    longReadEvery: { default: 20000, min: 1, describe: 'one read segment in so many, times the readers, is long' },
    longReadMs: { default: 20, min: 1, max: 2000, describe: 'length of a long one in milliseconds' },
    shortReadEvery: { default: 400, min: 1, describe: 'one in so many, times the readers, spins 0.2 ms or yields' },
    floodCallbacks: { default: 1000, min: 100, describe: 'callbacks of one flood' },
    floodMs: { default: 4000, min: 1, describe: 'milliseconds in which all of a flood must have run' },
  },
  setup: ({ threads }: { threads: Readonly<Record<string, number>> }): Shared => {
    const builder = new ArenaBuilder()
    const count = Object.values(threads).reduce((sum, n) => sum + n, 0)
    const cpus = cpuRegion(builder, count)
    const image = suite.reserve(builder, count)
    const elements = builder.region('element', ELEMENT, ELEMENTS, { ownLines: true })
    const current = builder.region('current', CURRENT, 1)
    const arena = builder.build()
    Atomics.store(arena.words, current.base + CURRENT.element, objectAt(elements, 0))
    return { arena, cpus, image, elements, current }
  },
  threads: {
    writer: { count: 1, open: (context: Open) => new Writer(context, suite), pause, resume, run: runWriter },
    fakewriter: { count: 2, open: (context: Open) => new Local(context, suite), pause, resume, run: runFakeWriter },
    reader: {
      count: 'cpus' as const,
      open: (context: Open) => new Reader(context, suite),
      pause,
      resume,
      run: runReader,
    },
    flooder: { count: 1, open: (context: Open) => new Flooder(context, suite), pause, resume, run: runFlooder },
    barrier: { count: 1, open: (context: Open) => new Barrier(context, suite), pause, resume, run: runBarrier },
  },
  // As rcutorture doubts itself: a test that is tried again and again and never comes about tests nothing.
  check: ({ threads, count }: CheckContext<Shared, any>) => {
    for (const [tries, valid] of threads.flooder ?? []) {
      count('valid floods', valid)
      if (tries >= 5 && valid === 0) violated('CNT', `tested 0 of ${tries} floods`)
    }
  },
  inconclusive: ({ counters }: Conclusion) => {
    if (!counters['grace periods']) return 'no grace period completed'
    if (!counters.spanned) return `0 of ${counters.reads} reads held an element while it was replaced`
    return undefined
  },
})

function spinFor(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}
