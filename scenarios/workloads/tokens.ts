/**
 * What all containers have in common: threads that put tokens in and take tokens out. Nothing may be lost, doubled or
 * made up, and what comes in one after the other from one thread leaves a queue in that order. The accounts are private
 * to each thread, so that keeping them orders nothing.
 */
import { violated } from '../../lib/check/oracle.ts'
import { ArenaBuilder, type ArenaImage, POISON } from '../../lib/shm/arena.ts'
import type { Cpu } from '../../lib/shm/cpu.ts'
import type { Conclusion, ParamSpecs, Random, RunContext } from '../../torture/scenario.ts'

/** What a thread does with a container: the handles of `lib/lockless` are of this shape. */
export interface Container {
  /** False when there is no room. */
  put(token: number): boolean
  /** 0 when it is empty. */
  take(): number
  /** Operations that had to be tried again, since another thread was quicker. */
  readonly retries?: number
  /** Has free nodes come back in another order. */
  shuffle?(): void
  /** Nodes in use, or waiting to be freed. */
  live?(): number
  /** Tells the container that the thread leaves; returns how many nodes it leaves behind for nobody. */
  leave?(): number
}

/** A token is the number of its producer + 1 and a serial number, so never 0. */
const SERIAL_BITS = 24
const SERIAL = (1 << SERIAL_BITS) - 1
/** With more of them a token might look like what freed memory holds. */
const PRODUCERS_MAX = (POISON >> SERIAL_BITS) - 1

const producerOf = (token: number): number => (token >> SERIAL_BITS) - 1
const serialOf = (token: number): number => token & SERIAL
export const tokenOf = (producer: number, serial: number): number => ((producer + 1) << SERIAL_BITS) | (serial & SERIAL)

/** One of as many values as tokens, far from its neighbours': sums of these are equal only if the tokens are. */
function blend(token: number): number {
  const half = Math.imul(token ^ (token >>> 15), 0x2c1b3c6d)
  return Math.imul(half ^ (half >>> 12), 0x297a2d39)
}

/** What one thread put in and took out. */
export class Account {
  readonly #thread: number
  readonly #fifo: boolean
  /** By producer: the serial number that was taken last, or -1. */
  readonly #last: Int32Array
  #serial = 0
  puts = 0
  takes = 0
  #sumPut = 0
  #sumTaken = 0

  /**
   * @param thread    number of the thread, from 0
   * @param producers how many threads put
   * @param fifo      whether tokens of one producer must come in their order
   */
  constructor(thread: number, producers: number, fifo: boolean) {
    if (producers > PRODUCERS_MAX) throw new RangeError(`${producers - 1} threads, at most ${PRODUCERS_MAX - 1}`)
    this.#thread = thread
    this.#fifo = fifo
    this.#last = new Int32Array(producers).fill(-1)
  }

  /** The token to put next, or one of those after it. */
  next(after = 0): number {
    return tokenOf(this.#thread, this.#serial + after)
  }

  /** It was put. */
  put(): void {
    this.#sumPut = (this.#sumPut + blend(this.next())) | 0
    this.#serial++
    this.puts++
  }

  took(token: number): void {
    const producer = producerOf(token)
    if (producer < 0 || producer >= this.#last.length)
      violated('TOKEN', `what was taken out is nothing that anybody put in: 0x${(token >>> 0).toString(16)}`)
    const serial = serialOf(token)
    if (this.#fifo && serial <= this.#last[producer])
      violated('FIFO', `thread ${producer}'s token ${serial} came after its token ${this.#last[producer]}`)
    this.#last[producer] = serial
    this.#sumTaken = (this.#sumTaken + blend(token)) | 0
    this.takes++
  }

  /** For `check`: short, so that it travels through shared memory. */
  balance(leftBehind = 0): number[] {
    return [this.puts, this.#sumPut, this.takes, this.#sumTaken, leftBehind]
  }
}

/** That what was put in by all threads was taken out by them, or by the account of who emptied the container. */
export function settle(balances: readonly (readonly number[])[], rest: Account): void {
  const total = [0, 0, 0, 0]
  for (const balance of [...balances, rest.balance()]) for (const n of total.keys()) total[n] += balance[n]
  const [puts, sumPut, takes, sumTaken] = total
  if (puts > takes) violated('TOKEN', `${puts} tokens were put in, and ${puts - takes} of them never came out`)
  if (puts < takes) violated('TOKEN', `${puts} tokens were put in, and ${takes - puts} more came out`)
  if ((sumPut | 0) !== (sumTaken | 0))
    violated('TOKEN', `as many tokens came out as were put in, ${puts}, but not the same ones`)
}

export interface Shared<I> {
  readonly arena: ArenaImage
  readonly image: I
}

interface Opened {
  readonly shared: Shared<any>
  readonly thread: number
  readonly threads: Readonly<Record<string, number>>
}

export const allOf = (threads: Readonly<Record<string, number>>): number =>
  Object.values(threads).reduce((sum, n) => sum + n, 0)

/** A thread of the workload: a handle and an account. */
export class Trader {
  readonly container: Container
  readonly account: Account
  readonly cpu: Cpu | undefined

  constructor(container: Container, { thread, threads }: Opened, fifo: boolean, cpu?: Cpu) {
    this.container = container
    this.account = new Account(thread, allOf(threads) + 1, fifo)
    this.cpu = cpu
  }

  put(): boolean {
    if (!this.container.put(this.account.next())) return false
    this.account.put()
    return true
  }

  take(): boolean {
    const token = this.container.take()
    if (token === 0) return false
    this.account.took(token)
    return true
  }
}

/** How a container is made and opened; `I` is its image. */
export interface Kind<I> {
  readonly fifo: boolean
  /** @param capacity the least number of tokens that it holds */
  readonly reserve: (builder: ArenaBuilder, capacity: number, threads: number) => I
  readonly init: (w: Int32Array, image: I) => void
  /** @param thread from 0; one past the last is who checks */
  readonly open: (w: Int32Array, image: I, thread: number) => Container
  /** Nodes that an empty container uses. */
  readonly dummies?: number
}

export const REPORT_EVERY = 1024

type Context<T> = RunContext<Shared<any>, ParamSpecs, T>

/** A body that goes on with `act` and reports how far it came. */
export const trading =
  <T extends Trader>(act: (trader: T, context: Context<T>) => void) =>
  (context: Context<T>): number[] => {
    const { local: trader, more, count } = context
    const { account, container } = trader
    count('taken', 0)
    let reported = 0
    while (more()) {
      act(trader, context)
      if (account.takes - reported >= REPORT_EVERY) {
        count('taken', account.takes - reported)
        reported = account.takes
      }
    }
    count('taken', account.takes - reported)
    count('put', account.puts)
    if (container.retries !== undefined) count('retries', container.retries)
    return account.balance(container.leave?.())
  }

/** Puts or takes, as the dice fall. */
export function trade(trader: Trader, random: Random): void {
  const dice = random.below(16)
  if (dice === 0) trader.container.shuffle?.()
  else if (dice & 1) trader.put()
  else trader.take()
}

/** Tokens that are there from the start, put in by the thread after the last: two threads that take meet at once. */
export function prefill<I>(kind: Kind<I>, shared: Shared<I>, threads: number, tokens: number): void {
  const container = kind.open(shared.arena.words, shared.image, threads)
  for (let serial = 0; serial < tokens; serial++) container.put(tokenOf(threads, serial))
}

/** Empties the container and settles the accounts; with nodes, finds each of them free or left behind. */
export function audit<I>(
  kind: Kind<I>,
  shared: Shared<I>,
  balances: readonly (readonly number[])[],
  capacity: number,
  prefilled = 0,
): void {
  const { words } = shared.arena
  const container = kind.open(words, shared.image, balances.length)
  const rest = new Account(balances.length, balances.length + 1, kind.fifo)
  for (let serial = 0; serial < prefilled; serial++) rest.put()
  for (let token = container.take(); token !== 0; token = container.take()) {
    rest.took(token)
    if (rest.takes > capacity)
      violated('TOKEN', `more than ${capacity} tokens come out of what holds no more than these`)
  }
  settle(balances, rest)
  const left = balances.reduce((sum, balance) => sum + balance[4], container.leave?.() ?? 0) + (kind.dummies ?? 0)
  const live = container.live?.() ?? left
  if (live !== left) violated('TOKEN', `an empty container should use ${left} nodes, and uses ${live}`)
}

interface Params {
  readonly capacity: number
  readonly prefill: number
}

export const prefilledOf = ({ capacity, prefill }: Params): number => Math.min(capacity, prefill)

export const PREFILL = { default: 2, min: 0, max: 1000, describe: 'tokens in it at the start, as far as they fit' }

/** A scenario in which all threads put and take, but for its name and summary. */
export const exchange = <I>(kind: Kind<I>) => ({
  tags: ['lockless'],
  params: {
    capacity: { default: 6, min: 1, max: 1000, describe: 'tokens that the structure holds' },
    prefill: PREFILL,
  },
  setup: ({ params, threads }: { params: Params; threads: Readonly<Record<string, number>> }) => {
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
      count: 'cpus' as const,
      open: (opened: Opened) =>
        new Trader(kind.open(opened.shared.arena.words, opened.shared.image, opened.thread), opened, kind.fifo),
      run: trading((trader: Trader, { random }) => trade(trader, random)),
    },
  },
  check: ({
    shared,
    params,
    threads,
  }: {
    shared: Shared<I>
    params: Params
    threads: Readonly<Record<string, readonly number[][]>>
  }) => audit(kind, shared, threads.trader, params.capacity, prefilledOf(params)),
  inconclusive: ({ counters }: Conclusion) => {
    if (!counters.taken) return 'nothing was taken out'
    if (counters.retries === 0) return 'no thread ever came in the way of another'
    return undefined
  },
})
