/**
 * A counting semaphore: never more holders than permits, and no permit lost. Permits are taken by waiting and by
 * trying, and given back by whoever has one.
 */
import { violated } from '../../lib/check/oracle.ts'
import { ArenaBuilder, type ArenaImage, type Region } from '../../lib/shm/arena.ts'
import { Cpu, cpuRegion } from '../../lib/shm/cpu.ts'
import { struct } from '../../lib/shm/layout.ts'
import { Futex, type FutexImage, futexRegion } from '../../lib/sync/futex.ts'
import { initSemaphore, SEMAPHORE, Semaphore } from '../../lib/sync/semaphore.ts'
import { defineScenario } from '../../torture/scenario.ts'

const POOL = struct('pool', {
  semaphore: { struct: SEMAPHORE, describe: 'the semaphore under test' },
  holders: 'threads that hold a permit, by their own account',
})

interface Shared {
  readonly arena: ArenaImage
  readonly cpus: Region
  readonly futex: FutexImage
  readonly pool: Region
}

/** Turns between two reports. */
const REPORT_EVERY = 256

class Holder {
  readonly cpu: Cpu
  readonly semaphore: Semaphore
  readonly #w: Int32Array
  readonly #holders: number
  readonly #permits: number
  taken = 0
  /** Holds during which every permit was taken. */
  full = 0

  constructor({ arena, cpus, futex, pool }: Shared, thread: number, permits: number) {
    this.cpu = new Cpu(arena.words, cpus, thread)
    this.semaphore = new Semaphore(this.cpu, new Futex(this.cpu, futex), pool.base + POOL.semaphore)
    this.#w = arena.words
    this.#holders = pool.base + POOL.holders
    this.#permits = permits
  }

  /** Takes a permit, stays for so many turns, and gives it back. */
  turn(waits: boolean, hold: number): void {
    if (waits) this.semaphore.down()
    else if (!this.semaphore.tryDown()) return
    const holders = Atomics.add(this.#w, this.#holders, 1) + 1
    this.cpu.delay(hold)
    Atomics.sub(this.#w, this.#holders, 1)
    this.semaphore.up()
    this.taken++
    if (holders === this.#permits) this.full++
    if (holders > this.#permits) violated('CNT', `${holders} threads hold one of ${this.#permits} permits`)
  }
}

export default defineScenario({
  name: 'semaphore',
  summary: 'a counting semaphore: never more holders than permits, and no permit is lost',
  tags: ['sync', 'lockless'],
  params: {
    permits: { default: 2, min: 1, max: 1000, describe: 'permits there are' },
    trying: { default: 20, min: 0, max: 100, describe: 'turns that do not wait, in percent' },
    hold: { default: 64, min: 0, describe: 'turns of an empty loop that a permit is held, at most' },
  },
  roundMs: 250,
  setup: ({ threads, params }): Shared => {
    const builder = new ArenaBuilder()
    const cpus = cpuRegion(builder, threads.holder)
    const futex = futexRegion(builder, threads.holder, 1)
    const pool = builder.region('pool', POOL, 1)
    const arena = builder.build()
    initSemaphore(arena.words, pool.base + POOL.semaphore, params.permits)
    return { arena, cpus, futex, pool }
  },
  threads: {
    holder: {
      count: 4,
      open: ({ shared, thread, params }) => new Holder(shared, thread, params.permits),
      pause: holder => holder.cpu.idle(),
      resume: holder => holder.cpu.run(),
      run: ({ local: holder, params, random, more, count }) => {
        count('permits taken', 0)
        holder.cpu.run()
        let reported = 0
        const report = () => {
          count('permits taken', holder.taken - reported)
          reported = holder.taken
        }
        for (let n = 1; more(); n++) {
          holder.turn(random.below(100) >= params.trying, random.below(params.hold + 1))
          if (n % REPORT_EVERY === 0) report()
        }
        holder.cpu.offline()
        report()
        count('all were taken', holder.full)
      },
    },
  },
  check: ({ shared, params }) => {
    const count = Atomics.load(shared.arena.words, shared.pool.base + POOL.semaphore + SEMAPHORE.count)
    if (count !== params.permits) violated('CNT', `nobody holds a permit, and ${count} of ${params.permits} are there`)
  },
  inconclusive: ({ counters }) =>
    counters['all were taken'] ? undefined : 'there was always a permit left: nothing was contended',
})
