/**
 * A counter split per thread: everybody counts in a word of his own and moves it to the common count by the batch. Every
 * thread notes what it is about to count before it does, and what it has counted after, so that a reader who adds those
 * notes up before and after it reads knows the limits within which the count must be: the sum without, the cheap reading
 * with the error that the counter promises.
 */
import {
  PercpuCounter,
  type PercpuCounterImage,
  percpuCounterError,
  percpuCounterRegion,
} from '../../lib/atomic/percpu-counter.ts'
import { violated } from '../../lib/check/oracle.ts'
import { ArenaBuilder, type ArenaImage, objectAt, type Region } from '../../lib/shm/arena.ts'
import { Cpu, cpuRegion } from '../../lib/shm/cpu.ts'
import { struct } from '../../lib/shm/layout.ts'
import { defineScenario, type OpenContext, type Random } from '../../torture/scenario.ts'

const NOTES = struct('notes', {
  up: 'counted up, before the count of it begins',
  upDone: 'counted up, and done',
  down: 'counted down, before it begins',
  downDone: 'counted down, and done',
})

interface Shared {
  readonly arena: ArenaImage
  readonly cpus: Region
  readonly counter: PercpuCounterImage
  readonly notes: Region
}

class Worker {
  readonly cpu: Cpu
  readonly #counter: PercpuCounter
  readonly #w: Int32Array
  readonly #shared: Shared
  readonly #random: Random
  readonly #mine: number
  readonly #most: number
  sums = 0

  constructor(shared: Shared, most: number, random: Random, thread: number) {
    this.#w = shared.arena.words
    this.cpu = new Cpu(this.#w, shared.cpus, thread)
    this.#counter = new PercpuCounter(this.cpu, shared.counter)
    this.#shared = shared
    this.#random = random
    this.#mine = objectAt(shared.notes, thread)
    this.#most = most
  }

  count(): void {
    const n = 1 + this.#random.below(this.#most)
    const up = this.#random.oneIn(2)
    Atomics.add(this.#w, this.#mine + (up ? NOTES.up : NOTES.down), n)
    this.#counter.add(up ? n : -n)
    Atomics.add(this.#w, this.#mine + (up ? NOTES.upDone : NOTES.downDone), n)
  }

  sum(): void {
    this.#read('the sum', 0, () => this.#counter.sum())
    this.sums++
  }

  read(): void {
    this.#read('the common count', percpuCounterError(this.#shared.counter), () => this.#counter.read())
  }

  /**
   * Everything that was done before the reading is in it, and nothing that had not begun when it was over; of what goes
   * on meanwhile, any part.
   */
  #read(what: string, error: number, read: () => number): void {
    const [upDone, downDone] = [this.#noted(NOTES.upDone), this.#noted(NOTES.downDone)]
    const found = read()
    const [up, down] = [this.#noted(NOTES.up), this.#noted(NOTES.down)]
    // Differences: the notes wrap.
    const above = (found - upDone + down + error) | 0
    const below = (up - downDone + error - found) | 0
    if (above < 0 || below < 0)
      violated('REF', `${what} is ${found}, ${above < 0 ? `${-above} too small` : `${-below} too large`}`, { error })
  }

  #noted(field: number): number {
    let sum = 0
    for (let n = 0; n < this.#shared.notes.count; n++)
      sum = (sum + Atomics.load(this.#w, objectAt(this.#shared.notes, n) + field)) | 0
    return sum
  }
}

type Opening = OpenContext<Shared, { most: { default: number; describe: string } }>

const open = ({ shared, params, random, thread }: Opening) => new Worker(shared, params.most, random, thread)
const pause = (worker: Worker) => worker.cpu.idle()
const resume = (worker: Worker) => worker.cpu.run()

const REPORT_EVERY = 1024

export default defineScenario({
  name: 'percpu-counter',
  summary: 'a counter split per thread: the sum is exact, the cheap reading wrong by less than it promises',
  tags: ['lockless', 'kernel'],
  params: {
    batch: { default: 4, min: 1, max: 1_000_000, describe: 'a CPU keeps less than this to itself' },
    most: { default: 3, min: 1, max: 1_000_000, describe: 'counted at a time, at most' },
    sumEvery: { default: 2, min: 1, describe: 'one reading in so many is the sum' },
  },
  roundMs: 250,
  setup: ({ threads, params }): Shared => {
    const builder = new ArenaBuilder()
    const count = threads.counter + threads.reader
    const cpus = cpuRegion(builder, count)
    const counter = percpuCounterRegion(builder, 'counter', { cpus: count, batch: params.batch })
    const notes = builder.region('notes', NOTES, count, { ownLines: true })
    return { arena: builder.build(), cpus, counter, notes }
  },
  threads: {
    counter: {
      count: 1,
      open,
      pause,
      resume,
      run: ({ local: worker, more, count }) => {
        worker.cpu.run()
        count('counts', 0)
        let turns = 0
        for (; more(); turns++) {
          worker.count()
          if (turns % REPORT_EVERY === REPORT_EVERY - 1) count('counts', REPORT_EVERY)
        }
        worker.cpu.offline()
        count('counts', turns % REPORT_EVERY)
      },
    },
    reader: {
      count: 1,
      open,
      pause,
      resume,
      run: ({ local: worker, params, random, more, count }) => {
        worker.cpu.run()
        while (more()) {
          worker.count()
          if (random.oneIn(params.sumEvery)) worker.sum()
          else worker.read()
        }
        worker.cpu.offline()
        count('sums', worker.sums)
      },
    },
  },
  check: ({ shared }) => {
    const cpu = new Cpu(shared.arena.words, shared.cpus, 0)
    const sum = new PercpuCounter(cpu, shared.counter).sum()
    let noted = 0
    for (let n = 0; n < shared.notes.count; n++) {
      const [up, down] = [NOTES.up, NOTES.down].map(field =>
        Atomics.load(shared.arena.words, objectAt(shared.notes, n) + field),
      )
      noted = (noted + up - down) | 0
    }
    if (sum !== noted) violated('REF', `the sum is ${sum}, and ${noted} were counted`)
  },
  inconclusive: ({ counters }) => (counters.sums === 0 ? 'nobody ever took the sum' : undefined),
  scale: {
    sweep: 'counter',
    rate: { name: 'countsPerSecond', counter: 'counts' },
    rows: [1, 8, 64, 512].map(batch => ({ labels: { batch }, params: { batch }, threads: { reader: 0 } })),
  },
})
