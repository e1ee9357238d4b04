/**
 * locktorture: one load for every lock. Threads take one of several locks, or some of them in order, by waiting or by
 * trying, to read or to write, and hold them for a moment or for long. What a holder may find is checked when it comes
 * in and before it goes. As in the kernel's kernel/locking/locktorture.c; a scenario for each lock says how it is made.
 */
import { violated } from '../../lib/check/oracle.ts'
import { ArenaBuilder, type ArenaImage, objectAt, type Region } from '../../lib/shm/arena.ts'
import { Cpu, cpuRegion } from '../../lib/shm/cpu.ts'
import { defineScenario, type Scale } from '../../torture/scenario.ts'
import { HELD, Held } from './held.ts'
import { type TorturedLock, Torturer } from './torturer.ts'

/** A thread's handles. */
export interface Handles {
  readonly locks: readonly TorturedLock[]
  /** Now and then, holding nothing. */
  readonly poll?: () => void
  /** Before the thread goes to sleep or leaves. */
  readonly drain?: () => void
}

/** A kind of lock. */
export interface LockKind<Image> {
  readonly name: string
  readonly summary: string
  /** Whether there are readers. */
  readonly reads: boolean
  /** Reserves so many locks for so many threads. */
  readonly reserve: (builder: ArenaBuilder, locks: number, cpus: number) => Image
  /** Once, where all zero is not unlocked. */
  readonly init?: (words: Int32Array, image: Image) => void
  readonly open: (cpu: Cpu, image: Image, locks: number) => Handles
}

export interface TorturedImage<Image> {
  readonly arena: ArenaImage
  readonly cpus: Region
  readonly held: Region
  readonly image: Image
}

/** Turns between two reports to the statistics. */
const REPORT_EVERY = 256

const params = {
  locks: { default: 3, min: 1, max: 8, describe: 'locks that threads take' },
  nested: { default: 20, min: 0, max: 100, describe: 'turns that take several locks, in percent' },
  trylocks: { default: 10, min: 0, max: 100, describe: 'acquisitions that do not wait, in percent' },
  reads: { default: 60, min: 0, max: 100, describe: 'acquisitions to read, in percent, where there are readers' },
  hold: { default: 32, min: 0, max: 1_000_000, describe: 'turns of an empty loop that a lock is held, at most' },
  'long-hold-every': { default: 2000, min: 1, describe: 'one hold in so many, times the threads, is long' },
  'long-hold-ms': { default: 5, min: 1, max: 1000, describe: 'milliseconds of a long hold, at most' },
  bare: { default: false, describe: 'a measurement: that threads never met is no reason to doubt it' },
  near: { default: 100_000, min: 1, describe: 'writers that overtake one who waits: more of them are a near miss' },
} as const

/** What taking a lock and giving it back costs, the oracle included. */
const BARE = { bare: true, locks: 1, nested: 0, trylocks: 0, hold: 0, 'long-hold-every': 1_000_000_000 }

function scaleOf(reads: boolean): Scale {
  const write = { labels: { taken: 'to write' }, params: { ...BARE, reads: 0 } }
  const read = { labels: { taken: 'to read' }, params: { ...BARE, reads: 100 } }
  return {
    sweep: 'locker',
    rate: { name: 'locksPerSecond', counter: 'locks' },
    rows: reads ? [write, read] : [write],
  }
}

class Locker<Image> {
  readonly handles: Handles
  readonly cpu: Cpu
  readonly held: readonly Held[]

  constructor(
    kind: LockKind<Image>,
    { arena, cpus, held, image }: TorturedImage<Image>,
    thread: number,
    locks: number,
  ) {
    this.cpu = new Cpu(arena.words, cpus, thread)
    this.handles = kind.open(this.cpu, image, locks)
    this.held = Array.from({ length: locks }, (_, n) => new Held(arena.words, objectAt(held, n)))
  }

  leave(how: 'idle' | 'offline'): void {
    this.handles.drain?.()
    this.cpu[how]()
  }
}

/** The scenario of a kind of lock. */
export const locktorture = <Image>(kind: LockKind<Image>) =>
  defineScenario({
    name: kind.name,
    summary: kind.summary,
    tags: ['sync', 'lock', 'lockless'],
    params,
    // Steady traffic hides lost wake-ups, since the next unlock wakes somebody: let all threads meet often.
    roundMs: 250,
    setup: ({ params: { locks }, threads }): TorturedImage<Image> => {
      const builder = new ArenaBuilder()
      const cpus = cpuRegion(builder, threads.locker)
      const held = builder.region('held', HELD, locks, { ownLines: true })
      const image = kind.reserve(builder, locks, threads.locker)
      const arena = builder.build()
      kind.init?.(arena.words, image)
      return { arena, cpus, held, image }
    },
    threads: {
      locker: {
        count: 3,
        open: ({ shared, params: { locks }, thread }) => new Locker(kind, shared, thread, locks),
        pause: locker => locker.leave('idle'),
        resume: locker => locker.cpu.run(),
        run: ({ local: locker, params: values, random, threads, more, near, count }) => {
          const { cpu, handles, held } = locker
          const torturer = new Torturer(cpu, handles.locks, held, values, random, threads.locker, near)
          // The first counter named is the work that is reported, of a run that ends at once, too.
          count('locks', 0)
          cpu.run()
          let reported = 0
          const report = () => {
            count('locks', torturer.reads + torturer.writes - reported)
            reported = torturer.reads + torturer.writes
          }
          for (let n = 1; more(); n++) {
            torturer.turn()
            handles.poll?.()
            if (n % REPORT_EVERY === 0) report()
          }
          locker.leave('offline')
          report()
          for (const name of ['writes', 'reads', 'contended', 'refused', 'retries'] as const)
            count(name, torturer[name])
          return [torturer.writes, torturer.reads]
        },
      },
    },
    check: ({ shared, params: { locks }, threads, count }) => {
      const locker = new Locker(kind, shared, 0, locks)
      locker.cpu.run()
      for (const [n, { write }] of locker.handles.locks.entries()) {
        if (!write.tryLock()) violated('CNT', `all threads are gone, and lock ${n} cannot be taken`)
        write.unlock()
      }
      locker.leave('offline')
      const writes = threads.locker.reduce((sum: number, [written]) => sum + written, 0)
      const found = locker.held.reduce((sum, held) => sum + held.writes, 0)
      if (found !== writes) violated('DATA', `${writes} writes under the locks left ${found}`)
      countShares(threads.locker, count)
    },
    inconclusive: ({ counters, params: { bare } }) =>
      counters.contended || bare ? undefined : `nobody waited in ${counters.locks} acquisitions`,
    scale: scaleOf(kind.reads),
  })

/** As locktorture has it: unfairness is worth a note, no error. */
function countShares(threads: readonly (readonly [number, number])[], count: (name: string, n?: number) => void): void {
  const taken = threads.map(([writes, reads]) => writes + reads)
  const [least, most] = [Math.min(...taken), Math.max(...taken)]
  count('of the luckiest thread', most)
  count('of the unluckiest thread', least)
  if (most / 2 > least) count('unfair rounds')
}
