/**
 * The read-write semaphore under locktorture's load: everything that it can do, by everybody, all the time. What a
 * holder may see is checked when it comes in and before it goes: who else holds the lock, and two words that writers
 * change one after the other and readers must find equal.
 */
import { violated } from '../lib/check/oracle.ts'
import { ArenaBuilder, type ArenaImage, objectAt, type Region } from '../lib/shm/arena.ts'
import { Cpu, cpuRegion } from '../lib/shm/cpu.ts'
import { struct } from '../lib/shm/layout.ts'
import { park, unpark } from '../lib/sync/park.ts'
import { RWSEM, Rwsem, waiterRegion } from '../lib/sync/rwsem.ts'
import { defineScenario, type ParamSpecs, type Random, type RunContext } from '../torture/scenario.ts'

const LOCK = struct('lock', { sem: { struct: RWSEM, describe: 'the semaphore under test' } })
const HELD = struct('held', {
  writers: 'threads that hold the lock for writing, by their own account',
  readers: 'threads that hold it for reading',
  first: 'changed first by a writer',
  second: 'changed last: equal to the first whenever no writer holds the lock',
})
const TARGET = struct('target', {
  killable: '1: waits in a way that can be interrupted',
  killed: '1: is to give up waiting',
})

interface Shared {
  readonly arena: ArenaImage
  readonly cpus: Region
  readonly waiters: Region
  readonly lock: Region
  readonly held: Region
  readonly targets: Region
}

interface Params {
  readonly tryEvery: number
  readonly killableEvery: number
  readonly downgradeEvery: number
  readonly longHoldEvery: number
  readonly longHoldMs: number
}

/** What all roles need of their context. */
type Torturer = Pick<RunContext<Shared, ParamSpecs, Holder>, 'local' | 'more' | 'random' | 'count'>

/** Iterations between two reports to the statistics. */
const REPORT_EVERY = 256

/** A thread: its handles, and what it does to the lock. */
class Holder {
  readonly cpu: Cpu
  readonly sem: Rwsem
  readonly #w: Int32Array
  readonly #shared: Shared
  readonly #params: Params
  readonly #random: Random
  readonly #threads: number
  readonly #held: number
  readonly #me: number
  readonly #killed: () => boolean
  /** Times the lock was taken. */
  taken = 0
  downgrades = 0
  kills = 0
  /** Trylocks that failed. */
  refused = 0
  /** Pairs of words written. */
  written = 0

  constructor(shared: Shared, params: Params, random: Random, thread: number, threads: number) {
    const w = shared.arena.words
    const me = objectAt(shared.targets, thread)
    this.cpu = new Cpu(w, shared.cpus, thread)
    this.sem = new Rwsem(this.cpu, shared.waiters, shared.lock.base + LOCK.sem)
    this.#w = w
    this.#shared = shared
    this.#params = params
    this.#random = random
    this.#threads = threads
    this.#held = shared.held.base
    this.#me = me
    this.#killed = () => Atomics.load(w, me + TARGET.killed) !== 0
  }

  write(): void {
    if (!this.#lock(true)) return
    const wrong = this.#writeHeld()
    const wrongAfter = this.#random.oneIn(this.#params.downgradeEvery) ? this.#downgrade() : this.#unlockWrite()
    this.taken++
    // Judged without the lock, so that one wrong holder does not hang all others.
    if (wrong || wrongAfter) violated('CNT', wrong || wrongAfter)
  }

  read(): void {
    if (!this.#lock(false)) return
    Atomics.add(this.#w, this.#held + HELD.readers, 1)
    const wrong = this.#readHeld()
    Atomics.sub(this.#w, this.#held + HELD.readers, 1)
    this.sem.upRead()
    this.taken++
    if (wrong) violated('CNT', wrong)
  }

  /** Interrupts somebody who waits in an interruptible way, if the one drawn does. */
  kill(): void {
    const target = this.#random.below(this.#threads)
    const at = objectAt(this.#shared.targets, target)
    if (Atomics.load(this.#w, at + TARGET.killable) === 0) return
    Atomics.store(this.#w, at + TARGET.killed, 1)
    unpark(this.cpu, target)
  }

  #lock(writer: boolean): boolean {
    const { sem } = this
    if (this.#random.oneIn(this.#params.tryEvery)) {
      const got = writer ? sem.downWriteTrylock() : sem.downReadTrylock()
      if (!got) this.refused++
      return got
    }
    if (this.#random.oneIn(this.#params.killableEvery)) return this.#lockKillable(writer)
    if (writer) sem.downWrite()
    else sem.downRead()
    return true
  }

  #lockKillable(writer: boolean): boolean {
    Atomics.store(this.#w, this.#me + TARGET.killed, 0)
    Atomics.store(this.#w, this.#me + TARGET.killable, 1)
    const got = writer ? this.sem.downWriteKillable(this.#killed) : this.sem.downReadKillable(this.#killed)
    Atomics.store(this.#w, this.#me + TARGET.killable, 0)
    if (!got) this.kills++
    return got
  }

  #writeHeld(): string {
    const w = this.#w
    const writers = Atomics.add(w, this.#held + HELD.writers, 1)
    const readers = Atomics.load(w, this.#held + HELD.readers)
    const value = Atomics.add(w, this.#held + HELD.first, 1) + 1
    this.#hold()
    const second = Atomics.add(w, this.#held + HELD.second, 1) + 1
    this.written++
    if (writers !== 0) return `a writer got the lock that ${writers} other writers hold`
    if (readers !== 0) return `a writer got the lock that ${readers} readers hold`
    if (value !== second) return `a writer found ${value - 1} and ${second - 1}, which are equal under the lock`
    return this.#accountFor(1, 0)
  }

  #readHeld(): string {
    const w = this.#w
    const writers = Atomics.load(w, this.#held + HELD.writers)
    const value = Atomics.load(w, this.#held + HELD.second)
    this.#hold()
    const first = Atomics.load(w, this.#held + HELD.first)
    if (writers !== 0) return `a reader got the lock that ${writers} writers hold`
    if (first !== value) return `a reader found ${first} and ${value}, which are equal under the lock`
    const late = Atomics.load(w, this.#held + HELD.writers)
    return late === 0 ? '' : `${late} writers got the lock that a reader holds`
  }

  /** The holders' own account before a writer lets go. */
  #accountFor(writers: number, readers: number): string {
    const w = this.#w
    const now = Atomics.load(w, this.#held + HELD.writers)
    const reading = Atomics.load(w, this.#held + HELD.readers)
    if (now === writers && reading === readers) return ''
    return `while one writer holds the lock, ${now} writers and ${reading} readers say they do`
  }

  #unlockWrite(): string {
    Atomics.sub(this.#w, this.#held + HELD.writers, 1)
    this.sem.upWrite()
    return ''
  }

  /** Nobody may write between the writer's hold and the reader's that it becomes. */
  #downgrade(): string {
    const w = this.#w
    const before = Atomics.load(w, this.#held + HELD.second)
    Atomics.add(w, this.#held + HELD.readers, 1)
    Atomics.sub(w, this.#held + HELD.writers, 1)
    this.sem.downgradeWrite()
    const wrong = this.#readHeld()
    const after = Atomics.load(w, this.#held + HELD.first)
    Atomics.sub(w, this.#held + HELD.readers, 1)
    this.sem.upRead()
    this.downgrades++
    return wrong || (after === before ? '' : `a downgrade let ${after - before} writes in between`)
  }

  /** Mostly a moment; rarely, the more rarely the more threads there are, long enough for waiters to sleep and demand. */
  #hold(): void {
    const { longHoldEvery, longHoldMs } = this.#params
    if (this.#random.oneIn(longHoldEvery * this.#threads)) park(this.cpu, longHoldMs)
    else for (let n = this.#random.below(32); n > 0; n--) this.cpu.relax(0)
  }
}

function torture(context: Torturer, step: (holder: Holder) => void, role: string): number[] {
  const { local: holder, more, random, count } = context
  holder.cpu.run()
  let reported = 0
  for (let n = 1; more(); n++) {
    step(holder)
    if (random.oneIn(4)) holder.kill()
    if (n % REPORT_EVERY === 0) {
      count('locks', holder.taken - reported)
      reported = holder.taken
    }
  }
  holder.cpu.offline()
  count('locks', holder.taken - reported)
  count(role, holder.taken)
  count('downgrades', holder.downgrades)
  count('killed', holder.kills)
  count('refused', holder.refused)
  return [holder.taken, holder.written]
}

const open = (context: {
  shared: Shared
  params: Params
  random: Random
  thread: number
  threads: Readonly<Record<string, number>>
}) => new Holder(context.shared, context.params, context.random, context.thread, total(context.threads))

const pause = (holder: Holder): void => holder.cpu.idle()
const resume = (holder: Holder): void => holder.cpu.run()

export default defineScenario({
  name: 'rwsem',
  summary: "the kernel's read-write semaphore: stealing, handoff, trylock, killed waiters, downgrade",
  tags: ['sync', 'lock', 'kernel'],
  params: {
    tryEvery: { default: 16, min: 1, describe: 'one acquisition in so many is a trylock' },
    killableEvery: { default: 4, min: 1, describe: 'one in so many waits so that it can be killed' },
    downgradeEvery: { default: 8, min: 1, describe: 'one write in so many ends as a read' },
    longHoldEvery: { default: 1000, min: 1, describe: 'one hold in so many, times the threads, is long' },
    longHoldMs: { default: 6, min: 1, max: 1000, describe: 'length of a long hold in milliseconds' },
  },
  // Steady traffic hides lost wake-ups, since the next unlock wakes everybody: let all threads meet often.
  roundMs: 250,
  setup: ({ threads }): Shared => {
    const builder = new ArenaBuilder()
    const count = total(threads)
    const cpus = cpuRegion(builder, count)
    const waiters = waiterRegion(builder, count)
    const lock = builder.region('lock', LOCK, 1)
    const held = builder.region('held', HELD, 1)
    const targets = builder.region('target', TARGET, count, { ownLines: true })
    return { arena: builder.build(), cpus, waiters, lock, held, targets }
  },
  threads: {
    writer: { count: 1, open, pause, resume, run: context => torture(context, holder => holder.write(), 'writes') },
    reader: { count: 2, open, pause, resume, run: context => torture(context, holder => holder.read(), 'reads') },
  },
  check: ({ shared, threads, count }) => {
    const w = shared.arena.words
    const sem = shared.lock.base + LOCK.sem
    for (const field of ['count', 'wait_lock', 'head', 'tail', 'spinner'] as const) {
      const value = Atomics.load(w, sem + RWSEM[field])
      if (value !== 0) violated('CNT', `nobody holds the lock or waits, and its ${field} is ${value}`)
    }
    let written = 0
    for (const role of Object.values(threads)) for (const [, n] of role) written += n
    const found = Atomics.load(w, shared.held.base + HELD.second)
    if (found !== written) violated('CNT', `${written} writes under the lock left ${found}`)
    for (const role of Object.values(threads)) if (isUnfair(role.map(([taken]) => taken))) count('unfair rounds')
  },
})

/** As locktorture has it: worth a note, no error. */
function isUnfair(taken: readonly number[]): boolean {
  return Math.max(...taken) / 2 > Math.min(...taken)
}

function total(threads: Readonly<Record<string, number>>): number {
  return Object.values(threads).reduce((sum, n) => sum + n, 0)
}
