/** The deque of Chase and Lev: its owner pushes tasks and takes them back, and thieves steal. */
import { ChaseLevDeque, type ChaseLevImage, chaseLevRegion, LOST } from '../../lib/lockless/chase-lev.ts'
import { ArenaBuilder } from '../../lib/shm/arena.ts'
import { defineScenario } from '../../torture/scenario.ts'
import {
  allOf,
  audit,
  type Container,
  type Kind,
  PREFILL,
  prefill,
  prefilledOf,
  type Shared,
  Trader,
  trade,
  trading,
} from '../workloads/tokens.ts'

/** The owner's end. */
class Owner implements Container {
  readonly deque: ChaseLevDeque

  constructor(w: Int32Array, image: ChaseLevImage) {
    this.deque = new ChaseLevDeque(w, image)
  }

  put(task: number): boolean {
    return this.deque.push(task)
  }

  take(): number {
    return this.deque.take()
  }
}

/** The other end. */
class Thief implements Container {
  readonly #deque: ChaseLevDeque
  retries = 0

  constructor(w: Int32Array, image: ChaseLevImage) {
    this.#deque = new ChaseLevDeque(w, image)
  }

  put(): boolean {
    return false
  }

  take(): number {
    const task = this.#deque.steal()
    if (task !== LOST) return task
    this.retries++
    return 0
  }
}

interface Opened {
  readonly shared: Shared<ChaseLevImage>
  readonly thread: number
  readonly threads: Readonly<Record<string, number>>
}

/** Tasks are stolen in the order in which they were pushed; what the owner takes back is not in that order. */
const openOwner = (opened: Opened): Trader =>
  new Trader(new Owner(opened.shared.arena.words, opened.shared.image), opened, false)
const openThief = (opened: Opened): Trader =>
  new Trader(new Thief(opened.shared.arena.words, opened.shared.image), opened, true)

const kind: Kind<ChaseLevImage> = {
  fifo: false,
  reserve: builder => chaseLevRegion(builder, 1, 1),
  init: () => {},
  open: (w, image) => new Owner(w, image),
}

export default defineScenario({
  name: 'chase-lev',
  summary: 'a work-stealing deque that grows: its owner takes from the bottom, thieves steal from the top',
  tags: ['lockless'],
  params: {
    capacity: { default: 2, min: 1, max: 65536, describe: 'places of the first array: a power of two' },
    growths: { default: 2, min: 0, max: 8, describe: 'how often the array can double' },
    prefill: PREFILL,
  },
  setup: ({ params, threads }): Shared<ChaseLevImage> => {
    if (threads.owner !== 1) throw new Error('a deque has one owner')
    const builder = new ArenaBuilder()
    const image = chaseLevRegion(builder, params.capacity, params.growths)
    const arena = builder.build()
    prefill(kind, { arena, image }, allOf(threads), prefilledOf(params))
    return { arena, image }
  },
  threads: {
    owner: {
      count: 1,
      open: openOwner,
      run: trading((trader: Trader, { random }) => trade(trader, random)),
    },
    thief: { count: 'cpus-1', open: openThief, run: trading((trader: Trader) => trader.take()) },
  },
  check: ({ shared, params, threads }) =>
    audit(kind, shared, [...threads.owner, ...threads.thief], params.capacity << params.growths, prefilledOf(params)),
  inconclusive: ({ counters }) => {
    if (!counters.taken) return 'nothing was taken out'
    return counters.retries ? undefined : 'no thief ever came too late'
  },
})
