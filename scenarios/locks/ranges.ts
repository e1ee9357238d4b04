/**
 * The range lock alone, under load: threads lock ranges of a row of slots, for reading and for writing, and say so in
 * each slot of the range. Two that exclude each other must never meet in a slot.
 */
import { violated } from '../../lib/check/oracle.ts'
import { ArenaBuilder, type ArenaImage, objectAt, type Region } from '../../lib/shm/arena.ts'
import { Cpu, cpuRegion } from '../../lib/shm/cpu.ts'
import { struct } from '../../lib/shm/layout.ts'
import { park } from '../../lib/sync/park.ts'
import {
  heldRanges,
  initRangeLocks,
  RangeLock,
  type RangeLockImage,
  RangeNodes,
  rangeLockRegion,
} from '../../lib/sync/range-lock.ts'
import { Rcu, type RcuImage, rcuRegion } from '../../lib/sync/rcu.ts'
import { waiterRegion } from '../../lib/sync/rwsem.ts'
import { defineScenario, type Random } from '../../torture/scenario.ts'

const SLOT = struct('slot', {
  inside: 'threads that hold the slot: one for each reader, WRITER for each writer',
  first: 'changed first by a writer',
  second: 'changed last: equal to the first whenever no writer holds the slot',
})
/** More than there are readers. */
const WRITER = 0x10000

/** Turns between two reports. */
const REPORT_EVERY = 256

interface Shared {
  readonly arena: ArenaImage
  readonly cpus: Region
  readonly waiters: Region
  readonly rcu: RcuImage
  readonly locks: RangeLockImage
  readonly slots: Region
}

/** A thread and its handles. */
class Holder {
  readonly cpu: Cpu
  readonly rcu: Rcu
  readonly lock: RangeLock
  readonly #w: Int32Array
  readonly #slots: Region
  readonly #random: Random
  readonly #longHolds: number

  constructor({ arena, cpus, waiters, rcu, locks, slots }: Shared, thread: number, random: Random, longHolds: number) {
    this.#random = random
    this.#longHolds = longHolds
    this.#w = arena.words
    this.#slots = slots
    this.cpu = new Cpu(arena.words, cpus, thread)
    this.rcu = new Rcu(this.cpu, rcu)
    this.lock = new RangeLock(this.cpu, waiters, locks, 0, this.rcu, new RangeNodes(this.cpu, locks, this.rcu))
  }

  read(start: number, end: number): void {
    const node = this.lock.lock(start, end, true)
    try {
      this.#look(start, end)
    } finally {
      // Whatever was found: one wrong holder is not to hang all others.
      this.lock.unlock(node)
    }
  }

  write(start: number, end: number, downgrades: boolean): void {
    const node = this.lock.lock(start, end, false)
    try {
      for (let n = start; n < end; n++) this.#change(n)
      if (downgrades) {
        this.lock.downgrade(node)
        this.#look(start, end)
      }
    } finally {
      this.lock.unlock(node)
    }
  }

  #look(start: number, end: number): void {
    const w = this.#w
    for (let n = start; n < end; n++) {
      const at = objectAt(this.#slots, n)
      const others = Atomics.add(w, at + SLOT.inside, 1)
      const first = Atomics.load(w, at + SLOT.first)
      if (others >= WRITER) violated('CNT', `a reader met a writer in slot ${n}`)
      if (Atomics.load(w, at + SLOT.second) !== first) violated('DATA', `a reader of slot ${n} saw half a change`)
    }
    this.#linger()
    for (let n = start; n < end; n++) Atomics.sub(w, objectAt(this.#slots, n) + SLOT.inside, 1)
  }

  /** The rarest races need three that hold at once: some holds are long, and no CPU is needed for them. */
  #linger(): void {
    if (this.#random.oneIn(this.#longHolds)) park(this.cpu, 1)
  }

  #change(n: number): void {
    const w = this.#w
    const at = objectAt(this.#slots, n)
    const others = Atomics.add(w, at + SLOT.inside, WRITER)
    if (others !== 0) violated('CNT', `a writer met ${others < WRITER ? 'a reader' : 'another writer'} in slot ${n}`)
    Atomics.store(w, at + SLOT.first, Atomics.load(w, at + SLOT.first) + 1)
    Atomics.store(w, at + SLOT.second, Atomics.load(w, at + SLOT.second) + 1)
    Atomics.sub(w, at + SLOT.inside, WRITER)
  }
}

/** Ranges of all kinds; or, `nested`, readers that begin before others and writers behind them all. */
function turn(holder: Holder, random: Random, slots: number, writes: number, nested: boolean): void {
  const writer = random.below(100) < writes
  const half = nested ? (slots + 1) >> 1 : slots
  const start = nested && writer ? slots - 1 - random.below(half) : random.below(half)
  // Mostly short ones, and now and then one that goes to the end.
  const wide = random.oneIn(nested ? 2 : 4) && !(nested && writer)
  const end = wide ? slots : start + 1
  if (writer) holder.write(start, end, random.oneIn(4))
  else holder.read(start, end)
}

export default defineScenario({
  name: 'ranges',
  summary: 'the list-based reader-writer range lock of Kogan, Dice and Issa',
  tags: ['sync', 'lockless'],
  params: {
    slots: { default: 16, min: 1, max: 1024, describe: 'slots in the row: few make conflicts' },
    writes: { default: 30, min: 0, max: 100, describe: 'ranges that are locked for writing, in percent' },
    nested: {
      default: 50,
      min: 0,
      max: 100,
      describe: 'turns in which writers stand behind nested readers, in percent',
    },
    'long-holds': { default: 1000, min: 1, describe: 'one range in so many that are read is held for a millisecond' },
  },
  roundMs: 250,
  setup: ({ params, threads }): Shared => {
    const builder = new ArenaBuilder()
    const image = {
      cpus: cpuRegion(builder, threads.holder),
      waiters: waiterRegion(builder, threads.holder),
      rcu: rcuRegion(builder, threads.holder),
      locks: rangeLockRegion(builder, 1, threads.holder),
      slots: builder.region('slot', SLOT, params.slots, { ownLines: true }),
    }
    const arena = builder.build()
    initRangeLocks(arena.words, image.locks)
    return { arena, ...image }
  },
  threads: {
    holder: {
      count: 3,
      open: ({ shared, params, thread, random }) => new Holder(shared, thread, random, params['long-holds']),
      pause: holder => {
        holder.rcu.barrier()
        holder.cpu.idle()
      },
      resume: holder => holder.cpu.run(),
      run: ({ local: holder, params, random, more, count }) => {
        count('locks', 0)
        holder.cpu.run()
        let turns = 0
        const report = () => {
          count('locks', turns)
          count('waits', holder.lock.waits)
          turns = 0
          holder.lock.waits = 0
        }
        while (more()) {
          turn(holder, random, params.slots, params.writes, random.below(100) < params.nested)
          holder.rcu.poll()
          if (++turns === REPORT_EVERY) report()
        }
        holder.rcu.barrier()
        holder.cpu.offline()
        report()
      },
    },
  },
  check: ({ shared }) => {
    const held = heldRanges(shared.arena.words, shared.locks, 0)
    if (held !== 0) violated('CNT', `all threads are gone, and ${held} ranges are locked`)
  },
  inconclusive: ({ counters }) => (counters.waits ? undefined : `nobody waited in ${counters.locks} acquisitions`),
})
