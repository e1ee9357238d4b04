/**
 * Condition variables at a bounded buffer: producers wait until there is room, consumers until there is something.
 * Every item comes out once and in its producer's order. With room for one item, one producer and one consumer, each
 * wake-up that is lost is the end: both sleep.
 */
import { violated } from '../../lib/check/oracle.ts'
import { ArenaBuilder, type ArenaImage, type Region } from '../../lib/shm/arena.ts'
import { Cpu, cpuRegion } from '../../lib/shm/cpu.ts'
import { struct } from '../../lib/shm/layout.ts'
import { CONDITION, Condition } from '../../lib/sync/condition.ts'
import { Futex, type FutexImage, futexRegion } from '../../lib/sync/futex.ts'
import { MUTEX, Mutex } from '../../lib/sync/mutex.ts'
import { defineScenario, type Random } from '../../torture/scenario.ts'

/** Most items that the buffer may have room for. */
const MOST = 64
/** Producers that an item can name. */
const PRODUCERS = 16

const BUFFER = struct('buffer', {
  mutex: { struct: MUTEX, describe: 'over all of it' },
  not_full: { struct: CONDITION, describe: 'an item was taken' },
  not_empty: { struct: CONDITION, describe: 'an item was put in, or no more will come' },
  first: 'items taken so far',
  end: 'items put in so far',
  gone: 'producers that have left',
  items: { words: MOST, describe: 'each: a number of its producer, times 16, and which producer it is' },
})

interface Shared {
  readonly arena: ArenaImage
  readonly cpus: Region
  readonly futex: FutexImage
  readonly buffer: Region
}

class User {
  readonly cpu: Cpu
  readonly #w: Int32Array
  readonly #at: number
  readonly #room: number
  readonly #producers: number
  readonly #broadcasts: number
  readonly #random: Random
  readonly #mutex: Mutex
  readonly #notFull: Condition
  readonly #notEmpty: Condition
  /** Times that this thread waited. */
  waits = 0

  constructor(
    { arena, cpus, futex: image, buffer }: Shared,
    thread: number,
    params: { readonly room: number; readonly broadcasts: number },
    producers: number,
    random: Random,
  ) {
    this.cpu = new Cpu(arena.words, cpus, thread)
    this.#w = arena.words
    this.#at = buffer.base
    this.#room = params.room
    this.#producers = producers
    this.#broadcasts = params.broadcasts
    this.#random = random
    const futex = new Futex(this.cpu, image)
    this.#mutex = new Mutex(this.cpu, futex, buffer.base + BUFFER.mutex)
    this.#notFull = new Condition(this.cpu, futex, buffer.base + BUFFER.not_full)
    this.#notEmpty = new Condition(this.cpu, futex, buffer.base + BUFFER.not_empty)
  }

  put(item: number): void {
    this.#mutex.lock()
    while (this.#get(BUFFER.end) - this.#get(BUFFER.first) === this.#room) this.#wait(this.#notFull)
    const end = this.#get(BUFFER.end)
    this.#set(BUFFER.items + (end % this.#room), item)
    this.#set(BUFFER.end, end + 1)
    this.#unlockAndTell(this.#notEmpty)
  }

  /** -1: no more will come. */
  take(): number {
    this.#mutex.lock()
    while (this.#get(BUFFER.end) === this.#get(BUFFER.first)) {
      if (this.#get(BUFFER.gone) === this.#producers) {
        this.#mutex.unlock()
        return -1
      }
      this.#wait(this.#notEmpty)
    }
    const first = this.#get(BUFFER.first)
    const item = this.#get(BUFFER.items + (first % this.#room))
    this.#set(BUFFER.first, first + 1)
    this.#unlockAndTell(this.#notFull)
    return item
  }

  /** A producer goes: the last one tells all consumers. */
  leave(): void {
    this.#mutex.lock()
    this.#set(BUFFER.gone, this.#get(BUFFER.gone) + 1)
    this.#notEmpty.broadcast(this.#mutex)
    this.#mutex.unlock()
  }

  #wait(condition: Condition): void {
    this.waits++
    condition.wait(this.#mutex)
  }

  /** To tell before or after, one or all: each is allowed. */
  #unlockAndTell(condition: Condition): void {
    const all = this.#broadcasts > 0 && this.#random.below(100) < this.#broadcasts
    const before = this.#random.oneIn(2)
    if (!before) this.#mutex.unlock()
    if (all) condition.broadcast(this.#mutex)
    else condition.signal()
    if (before) this.#mutex.unlock()
  }

  #get(field: number): number {
    return Atomics.load(this.#w, this.#at + field, 'relaxed')
  }

  #set(field: number, value: number): void {
    Atomics.store(this.#w, this.#at + field, value, 'relaxed')
  }
}

const open = (context: {
  shared: Shared
  thread: number
  params: { readonly room: number; readonly broadcasts: number }
  threads: Readonly<Record<string, number>>
  random: Random
}) => new User(context.shared, context.thread, context.params, context.threads.producer, context.random)

const pause = (user: User): void => user.cpu.idle()
const resume = (user: User): void => user.cpu.run()

export default defineScenario({
  name: 'condvar',
  summary: 'condition variables at a bounded buffer: no wake-up is lost, and every item comes out once, in order',
  tags: ['sync', 'lockless'],
  params: {
    room: { default: 1, min: 1, max: MOST, describe: 'items that the buffer has room for' },
    broadcasts: { default: 10, min: 0, max: 100, describe: 'wake-ups of all instead of one, in percent' },
  },
  roundMs: 250,
  setup: ({ threads }): Shared => {
    if (threads.producer > PRODUCERS) throw new RangeError(`at most ${PRODUCERS} producers`)
    const builder = new ArenaBuilder()
    const count = threads.producer + threads.consumer
    const cpus = cpuRegion(builder, count)
    const futex = futexRegion(builder, count)
    const buffer = builder.region('buffer', BUFFER, 1)
    return { arena: builder.build(), cpus, futex, buffer }
  },
  threads: {
    producer: {
      count: 1,
      open,
      pause,
      resume,
      run: ({ local: user, index, more, count }) => {
        user.cpu.run()
        let sent = 0
        while (more()) user.put(sent++ * PRODUCERS + index)
        user.leave()
        user.cpu.offline()
        count('items', sent)
        count('waits', user.waits)
        return sent
      },
    },
    consumer: {
      count: 1,
      open,
      pause,
      resume,
      run: ({ local: user, threads, more, count }) => {
        const last = new Array<number>(threads.producer).fill(-1)
        let taken = 0
        user.cpu.run()
        for (;;) {
          // For its heartbeat: it is the producers who decide when it is over.
          more()
          const item = user.take()
          if (item < 0) break
          taken++
          const from = item % PRODUCERS
          const number = Math.floor(item / PRODUCERS)
          if (number <= last[from]) violated('DATA', `item ${number} of producer ${from} after its item ${last[from]}`)
          last[from] = number
        }
        user.cpu.offline()
        count('waits', user.waits)
        return taken
      },
    },
  },
  check: ({ threads }) => {
    const sum = (all: readonly number[]) => all.reduce((total, n) => total + n, 0)
    const [sent, taken] = [sum(threads.producer), sum(threads.consumer)]
    if (sent !== taken) violated('DATA', `${sent} items were put in, and ${taken} taken out`)
  },
  inconclusive: ({ counters }) => (counters.waits ? undefined : `nobody waited for any of ${counters.items} items`),
})
