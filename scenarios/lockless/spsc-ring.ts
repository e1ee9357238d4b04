/** Lamport's ring: one thread puts and one takes. */
import { initSpscRing, SpscRing, type SpscRingImage, spscRingRegion } from '../../lib/lockless/spsc-ring.ts'
import { ArenaBuilder, type Region } from '../../lib/shm/arena.ts'
import { struct } from '../../lib/shm/layout.ts'
import { defineScenario } from '../../torture/scenario.ts'
import { audit, type Kind, type Shared, Trader, trading } from '../workloads/tokens.ts'

/** What an end that waits for the other sleeps on, so that the other gets the core when there are not enough of them. */
const NAP = struct('nap', { nap: 'always 0' })
const SPINS_BEFORE_NAP = 512
const NAP_MS = 0.05

interface Image extends SpscRingImage {
  readonly nap: Region
}

interface Opened {
  readonly shared: Shared<Image>
  readonly thread: number
  readonly threads: Readonly<Record<string, number>>
}

const kind: Kind<Image> = {
  fifo: true,
  reserve: (builder, capacity) => ({ ...spscRingRegion(builder, capacity), nap: builder.region('nap', NAP, 1) }),
  init: initSpscRing,
  open: (w, image) => new SpscRing(w, image),
}

/** Tries again and again to no avail: gives up the core now and then. */
class Waiter extends Trader {
  readonly #w: Int32Array
  readonly #nap: number
  #spins = 0

  constructor(opened: Opened) {
    const { arena, image } = opened.shared
    super(kind.open(arena.words, image, opened.thread), opened, kind.fifo)
    this.#w = arena.words
    this.#nap = image.nap.base
  }

  wait(done: boolean): void {
    this.#spins = done ? 0 : this.#spins + 1
    if (this.#spins >= SPINS_BEFORE_NAP) Atomics.wait(this.#w, this.#nap, 0, NAP_MS)
  }
}

export default defineScenario({
  name: 'spsc-ring',
  summary: 'a ring for one producer and one consumer',
  tags: ['lockless'],
  params: { capacity: { default: 4, min: 1, max: 65536, describe: 'cells: a power of two' } },
  setup: ({ params, threads }): Shared<Image> => {
    if (threads.producer !== 1 || threads.consumer !== 1) throw new Error('one producer and one consumer, no more')
    const builder = new ArenaBuilder()
    const image = kind.reserve(builder, params.capacity, 2)
    const arena = builder.build()
    initSpscRing(arena.words, image)
    return { arena, image }
  },
  threads: {
    producer: {
      count: 1,
      open: (opened: Opened) => new Waiter(opened),
      run: trading((waiter: Waiter) => waiter.wait(waiter.put())),
    },
    consumer: {
      count: 1,
      open: (opened: Opened) => new Waiter(opened),
      run: trading((waiter: Waiter) => waiter.wait(waiter.take())),
    },
  },
  check: ({ shared, params, threads }) =>
    audit(kind, shared, [...threads.producer, ...threads.consumer], params.capacity),
  inconclusive: ({ counters }) => (counters.taken ? undefined : 'nothing was taken out'),
})
