/** The kernel's lock-less list: all threads add entries, one by one and in batches, and take one or all. */
import { Llist, llistRegion } from '../../lib/lockless/llist.ts'
import { initNodes, Nodes, nodeRegion } from '../../lib/lockless/nodes.ts'
import { ArenaBuilder, type ArenaImage, type Region } from '../../lib/shm/arena.ts'
import { Cpu, cpuRegion } from '../../lib/shm/cpu.ts'
import type { SlabImage } from '../../lib/shm/slab.ts'
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

interface Image {
  readonly cpus: Region
  readonly list: Region
  readonly nodes: SlabImage
}

/** A list whose entries hold tokens. */
class TokenList implements Container {
  readonly #w: Int32Array
  readonly #list: Llist
  readonly #nodes: Nodes
  /** Tokens of a list that was taken whole, still to be handed out. */
  readonly #taken: number[] = []

  constructor(cpu: Cpu, image: Image) {
    this.#w = cpu.w
    this.#nodes = new Nodes(cpu.w, image.nodes)
    this.#list = new Llist(cpu, image.list, this.#nodes)
  }

  get retries(): number {
    return this.#list.retries
  }

  put(token: number): boolean {
    const node = this.#nodes.alloc(token)
    if (node === 0) return false
    this.#list.add(node)
    return true
  }

  /** Adds two entries at once, the newer one on top; false when there are not enough nodes. */
  putTwo(older: number, newer: number): boolean {
    const oldest = this.#nodes.alloc(older)
    if (oldest === 0) return false
    const newest = this.#nodes.alloc(newer)
    if (newest === 0) {
      this.#nodes.free(oldest)
      return false
    }
    Atomics.store(this.#w, this.#nodes.next(newest), oldest, 'relaxed')
    this.#list.addBatch(newest, oldest)
    return true
  }

  take(): number {
    const node = this.#list.delFirstLocked()
    return node === 0 ? 0 : this.#nodes.take(node)
  }

  /** Takes all entries; what was in them comes out of `next`. */
  takeAll(): void {
    for (let node = this.#list.delAllLocked(); node !== 0; ) {
      const next = this.#nodes.link(node)
      this.#taken.push(this.#nodes.take(node))
      node = next
    }
  }

  /** A token of those that `takeAll` took; 0: no more. */
  next(): number {
    return this.#taken.pop() ?? 0
  }

  shuffle(): void {
    this.#nodes.shuffle()
  }

  leave(): number {
    this.#nodes.putBack()
    return 0
  }

  live(): number {
    return this.#nodes.live()
  }
}

/** As a trader, and more. */
class Lister extends Trader {
  readonly #list: TokenList

  constructor(list: TokenList, opened: Opened) {
    super(list, opened, false)
    this.#list = list
  }

  putTwo(): void {
    const { account } = this
    if (!this.#list.putTwo(account.next(), account.next(1))) return
    account.put()
    account.put()
  }

  takeAll(): void {
    this.#list.takeAll()
    for (let token = this.#list.next(); token !== 0; token = this.#list.next()) this.account.took(token)
  }
}

interface Opened {
  readonly shared: Shared<Image>
  readonly thread: number
  readonly threads: Readonly<Record<string, number>>
}

const listOf = (w: Int32Array, image: Image, thread: number): TokenList =>
  new TokenList(new Cpu(w, image.cpus, thread), image)

const kind: Kind<Image> = {
  fifo: false,
  reserve: (builder, capacity, threads) => ({
    cpus: cpuRegion(builder, threads),
    list: llistRegion(builder),
    nodes: nodeRegion(builder, capacity),
  }),
  init: (w, image) => initNodes(w, image.nodes),
  open: listOf,
}

export default defineScenario({
  name: 'llist',
  summary: "the kernel's lock-less list: entries are added without a lock, and taken singly or all at once",
  tags: ['lockless', 'kernel'],
  params: { capacity: { default: 6, min: 1, max: 1000, describe: 'entries there are' }, prefill: PREFILL },
  setup: ({ params, threads }): { arena: ArenaImage; image: Image } => {
    const builder = new ArenaBuilder()
    // One more handle: that of who checks.
    const image = kind.reserve(builder, params.capacity, allOf(threads) + 1)
    const arena = builder.build()
    kind.init(arena.words, image)
    prefill(kind, { arena, image }, allOf(threads), prefilledOf(params))
    return { arena, image }
  },
  threads: {
    trader: {
      count: 'cpus',
      open: (opened: Opened) =>
        new Lister(listOf(opened.shared.arena.words, opened.shared.image, opened.thread), opened),
      run: trading((lister: Lister, { random }) => {
        switch (random.below(16)) {
          case 0:
            return lister.takeAll()
          case 1:
            return lister.putTwo()
          default:
            return trade(lister, random)
        }
      }),
    },
  },
  check: ({ shared, params, threads }) => audit(kind, shared, threads.trader, params.capacity, prefilledOf(params)),
  inconclusive: ({ counters }) => {
    if (!counters.taken) return 'nothing was taken out'
    return counters.retries ? undefined : 'no thread ever came in the way of another'
  },
})
