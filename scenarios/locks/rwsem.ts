/**
 * The read-write semaphore under locktorture's load: everything that it can do, by everybody, all the time. What a
 * holder may see is checked when it comes in and before it goes: who else holds the lock, and two words that writers
 * change one after the other and readers must find equal.
 */
import { OracleViolation, violated } from '../../lib/check/oracle.ts'
import { ArenaBuilder, type ArenaImage, objectAt, type Region } from '../../lib/shm/arena.ts'
import { Cpu, cpuRegion } from '../../lib/shm/cpu.ts'
import { struct } from '../../lib/shm/layout.ts'
import { park, unpark } from '../../lib/sync/park.ts'
import { RWSEM, Rwsem, waiterRegion } from '../../lib/sync/rwsem.ts'
import { defineScenario, type ParamSpecs, type Random, type RunContext } from '../../torture/scenario.ts'

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

type Wrong = OracleViolation | undefined

function wrong(message: string, details: object): OracleViolation {
  return new OracleViolation('CNT', message, details)
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
  /** Holds at whose end somebody waited. */
  contended = 0
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
    const before = this.#writeHeld()
    if (this.sem.isContended()) this.contended++
    const after = this.#random.oneIn(this.#params.downgradeEvery) ? this.#downgrade() : this.#unlockWrite()
    this.taken++
    // Judged without the lock, so that one wrong holder does not hang all others.
    if (before || after) throw before ?? after
  }

  read(): void {
    if (!this.#lock(false)) return
    Atomics.add(this.#w, this.#held + HELD.readers, 1)
    const found = this.#readHeld()
    Atomics.sub(this.#w, this.#held + HELD.readers, 1)
    if (this.sem.isContended()) this.contended++
    this.sem.upRead()
    this.taken++
    if (found) throw found
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

  #writeHeld(): Wrong {
    const w = this.#w
    const writers = Atomics.add(w, this.#held + HELD.writers, 1)
    const readers = Atomics.load(w, this.#held + HELD.readers)
    const first = Atomics.add(w, this.#held + HELD.first, 1)
    this.#hold()
    const second = Atomics.add(w, this.#held + HELD.second, 1)
    this.written++
    const others = Atomics.load(w, this.#held + HELD.writers) - 1
    const late = Atomics.load(w, this.#held + HELD.readers)
    if (writers !== 0 || readers !== 0) return wrong('a writer got the lock that others hold', { writers, readers })
    if (first !== second)
      return wrong('a writer found two words unequal that are equal under the lock', { first, second })
    if (others !== 0 || late !== 0) return wrong('others got the lock that a writer holds', { others, late })
    return undefined
  }

  #readHeld(): Wrong {
    const w = this.#w
    const writers = Atomics.load(w, this.#held + HELD.writers)
    const second = Atomics.load(w, this.#held + HELD.second)
    this.#hold()
    const first = Atomics.load(w, this.#held + HELD.first)
    const late = Atomics.load(w, this.#held + HELD.writers)
    if (writers !== 0) return wrong('a reader got the lock that a writer holds', { writers })
    if (first !== second)
      return wrong('a reader found two words unequal that are equal under the lock', { first, second })
    if (late !== 0) return wrong('a writer got the lock that a reader holds', { writers: late })
    return undefined
  }

  #unlockWrite(): Wrong {
    Atomics.sub(this.#w, this.#held + HELD.writers, 1)
    this.sem.upWrite()
    return undefined
  }

  /** Nobody may write between the writer's hold and the reader's that it becomes. */
  #downgrade(): Wrong {
    const w = this.#w
    const before = Atomics.load(w, this.#held + HELD.second)
    Atomics.add(w, this.#held + HELD.readers, 1)
    Atomics.sub(w, this.#held + HELD.writers, 1)
    this.sem.downgradeWrite()
    const found = this.#readHeld()
    const after = Atomics.load(w, this.#held + HELD.first)
    Atomics.sub(w, this.#held + HELD.readers, 1)
    this.sem.upRead()
    this.downgrades++
    if (found || after === before) return found
    return wrong('a downgrade let a writer in between', { before, after })
  }

  /** Mostly a moment; rarely, the more rarely the more threads there are, long enough for waiters to sleep and demand. */
  #hold(): void {
    const { longHoldEvery, longHoldMs } = this.#params
    if (this.#random.oneIn(longHoldEvery * this.#threads)) park(this.cpu, 1 + this.#random.below(longHoldMs))
    else this.cpu.delay(this.#random.below(32))
  }
}

function torture(context: Torturer, step: (holder: Holder) => void, role: string): number[] {
  const { local: holder, more, random, count } = context
  holder.cpu.run()
  // The first counter named is the work that is reported, of a run that ends at once, too.
  count('locks', 0)
  let reported = 0
  for (let n = 1; more(); n++) {
    step(holder)
    if (random.oneIn(2)) holder.kill()
    if (n % REPORT_EVERY === 0) {
      count('locks', holder.taken - reported)
      reported = holder.taken
    }
  }
  holder.cpu.offline()
  count('locks', holder.taken - reported)
  count(role, holder.taken)
  count('contended', holder.contended)
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
  tags: ['sync', 'lockless', 'kernel'],
  params: {
    tryEvery: { default: 16, min: 1, describe: 'one acquisition in so many is a trylock' },
    killableEvery: { default: 4, min: 1, describe: 'one in so many waits so that it can be killed' },
    downgradeEvery: { default: 8, min: 1, describe: 'one write in so many ends as a read' },
    longHoldEvery: { default: 1500, min: 1, describe: 'one hold in so many, times the threads, is long' },
    longHoldMs: { default: 6, min: 1, max: 1000, describe: 'most milliseconds of a long hold' },
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
  inconclusive: ({ counters }) => (counters.contended ? undefined : `nobody waited in ${counters.locks} acquisitions`),
})

/** As locktorture has it: worth a note, no error. */
function isUnfair(taken: readonly number[]): boolean {
  return Math.max(...taken) / 2 > Math.min(...taken)
}

function total(threads: Readonly<Record<string, number>>): number {
  return Object.values(threads).reduce((sum, n) => sum + n, 0)
}
