/**
 * `atomic_t` under all of its operations, in both builds on the same words: by the engine's read-modify-writes, and by
 * compare-and-swap alone. Nothing may get lost between them, which seven words show, each in its way:
 *
 * - **message**: the first thread writes a number and then says which; who has heard of it finds it, or a later one;
 * - **gate**: conditional operations keep it between 0 and a limit;
 * - **sides**: readers count it up unless it is negative, writers down unless it is positive: never both;
 * - **sum**: everybody adds and subtracts, and keeps an account. At the end the word is the sum of all accounts;
 * - **bits**: everybody has two bits of a word, which every operation must show as their owner left them;
 * - **tickets**: everybody draws from it, and no number is drawn twice or left out;
 * - **token**: everybody holds one, and swaps it for the one in the word. None gets lost, none is there twice.
 */
import { ATOMIC_BUILDS, type AtomicOperations } from '../../lib/atomic/builds.ts'
import { violated } from '../../lib/check/oracle.ts'
import { ArenaBuilder, type ArenaImage, objectAt, type Region } from '../../lib/shm/arena.ts'
import { struct } from '../../lib/shm/layout.ts'
import type { Order } from '../../lib/shm/ordering.ts'
import { defineScenario, type Random } from '../../torture/scenario.ts'
import { BIT_CHANGES, DRAWS, SUMS, SWAPS } from '../workloads/atomic-operations.ts'

const WORDS = struct('atomic', {
  message: 'what is written',
  said: 'up to which message there is one',
  gate: '0 to LIMIT',
  sides: 'readers, or minus the writers',
  sum: 'the sum of all accounts',
  tickets: 'tickets drawn',
  token: 'the token that nobody holds',
})
const BITS = struct('bits', { word: 'two bits for each of 16 threads' })

/** What a turn is about. */
const TURNS = ['message', 'gate', 'sides', 'sum', 'bits', 'tickets', 'token'] as const
type Turn = (typeof TURNS)[number]

/** Small, so that a thread often finds the gate empty, and often full. */
const LIMIT = 2
const THREADS_A_WORD = 16
const ORDERS: readonly (Order | undefined)[] = [undefined, 'relaxed', 'acquire', 'release']

interface Shared {
  readonly arena: ArenaImage
  readonly words: Region
  readonly bits: Region
}

/** Turns between two reports to the statistics. */
const REPORT_EVERY = 1024

/** A thread, and what it has done to the words by its own account. */
class Worker {
  readonly #w: Int32Array
  readonly #words: number
  readonly #bits: number
  readonly #shift: number
  readonly #random: Random
  readonly #builds: readonly AtomicOperations[]
  readonly #isWriter: boolean
  #written = 0
  #own = 0
  sum = 0
  drawn = 0
  ticketSum = 0
  ticketSquares = 0
  token: number
  refused = 0
  #last = -1

  constructor(shared: Shared, builds: readonly AtomicOperations[], random: Random, thread: number) {
    this.#w = shared.arena.words
    this.#words = shared.words.base
    this.#bits = objectAt(shared.bits, Math.floor(thread / THREADS_A_WORD)) + BITS.word
    this.#shift = 2 * (thread % THREADS_A_WORD)
    this.#random = random
    this.#builds = builds
    this.#isWriter = thread === 0
    this.token = thread + 1
  }

  turn(about: Turn): void {
    const ops = this.#builds[this.#random.below(this.#builds.length)]
    const order = ORDERS[this.#random.below(ORDERS.length)]
    const w = this.#w
    if (about === 'message') this.#message(ops)
    else if (about === 'gate') this.#pass(ops)
    else if (about === 'sides') this.#takeSide(ops)
    else if (about === 'sum') {
      const change = this.#one(SUMS)(ops, w, this.#words + WORDS.sum, this.#random.int32(), order)
      this.sum = (this.sum + change) | 0
    } else if (about === 'bits') this.#change(ops, order)
    else if (about === 'tickets') this.#draw(this.#one(DRAWS)(ops, w, this.#words + WORDS.tickets, order))
    else this.token = this.#one(SWAPS)(ops, w, this.#words + WORDS.token, this.token, order)
  }

  #one<T>(choices: readonly T[]): T {
    return choices[this.#random.below(choices.length)]
  }

  #message(ops: AtomicOperations): void {
    const w = this.#w
    if (this.#isWriter) {
      this.#written++
      ops.atomicSet(w, this.#words + WORDS.message, this.#written)
      ops.atomicSetRelease(w, this.#words + WORDS.said, this.#written)
      return
    }
    const said = ops.atomicReadAcquire(w, this.#words + WORDS.said)
    const found = ops.atomicRead(w, this.#words + WORDS.message)
    if (((found - said) | 0) < 0) violated('DATA', `message ${said} was announced, and message ${found} is there`)
  }

  /** Through the gate, in or out. */
  #pass(ops: AtomicOperations): void {
    const w = this.#w
    const at = this.#words + WORDS.gate
    const found = this.#random.oneIn(2) ? ops.atomicDecIfPositive(w, at) + 1 : ops.atomicFetchAddUnless(w, at, 1, LIMIT)
    if (found < 0 || found > LIMIT) violated('REF', `the gate is at ${found}, not 0 to ${LIMIT}`)
    const now = ops.atomicRead(w, at)
    if (now < 0 || now > LIMIT) violated('REF', `the gate is at ${now}, not 0 to ${LIMIT}`)
  }

  #takeSide(ops: AtomicOperations): void {
    const w = this.#w
    const at = this.#words + WORDS.sides
    const reader = this.#random.oneIn(2)
    if (!(reader ? ops.atomicIncUnlessNegative(w, at) : ops.atomicDecUnlessPositive(w, at))) {
      this.refused++
      return
    }
    const during = ops.atomicRead(w, at)
    const before = reader ? ops.atomicFetchDec(w, at) : ops.atomicFetchInc(w, at)
    for (const seen of [during, before])
      if (reader ? seen <= 0 : seen >= 0)
        violated('CNT', `a ${reader ? 'reader' : 'writer'} is in, and sides is ${seen}`)
  }

  #change(ops: AtomicOperations, order: Order | undefined): void {
    const mask = (1 + this.#random.below(3)) << this.#shift
    const mine = 3 << this.#shift
    const { run, result } = this.#one(BIT_CHANGES)
    const before = run(ops, this.#w, this.#bits, mask, order)
    if (before !== undefined && (before & mine) !== this.#own) this.#lost(before & mine)
    this.#own = result(this.#own, mask)
    const after = ops.atomicRead(this.#w, this.#bits) & mine
    if (after !== this.#own) this.#lost(after)
  }

  #lost(found: number): never {
    const [was, is] = [this.#own, found].map(bits => (bits >>> this.#shift).toString(2).padStart(2, '0'))
    violated('DATA', `bits that only their owner changes were left at ${was} and are ${is}`)
  }

  #draw(ticket: number): void {
    if (((ticket - this.#last) | 0) <= 0) violated('REF', `ticket ${ticket} was drawn after ${this.#last}`)
    this.#last = ticket
    this.drawn++
    this.ticketSum = (this.ticketSum + ticket) | 0
    this.ticketSquares = (this.ticketSquares + Math.imul(ticket, ticket)) | 0
  }
}

/** Modulo 2^32. */
const total = (numbers: readonly number[]) => numbers.reduce((sum, n) => (sum + n) | 0, 0)

/** The sum of all numbers below n, and of their squares. */
function sumsBelow(n: number): [number, number] {
  let sum = 0
  let squares = 0
  for (let i = 0; i < n; i++) {
    sum = (sum + i) | 0
    squares = (squares + Math.imul(i, i)) | 0
  }
  return [sum, squares]
}

export default defineScenario({
  name: 'atomic',
  summary: 'atomic_t: all operations, natively and by compare-and-swap, on the same words',
  tags: ['lockless', 'kernel'],
  params: {
    word: { default: 'all', choices: ['all', ...TURNS], describe: 'which of the words is worked on' },
    build: { default: 'mixed', choices: ['mixed', 'native', 'cas'], describe: 'how the operations are built' },
  },
  roundMs: 250,
  setup: ({ threads }): Shared => {
    const builder = new ArenaBuilder()
    const words = builder.region('atomic', WORDS, 1)
    const bits = builder.region('bits', BITS, Math.ceil(threads.worker / THREADS_A_WORD))
    return { arena: builder.build(), words, bits }
  },
  threads: {
    worker: {
      count: 2,
      open: ({ shared, params, random, thread }) => {
        const { native, cas } = ATOMIC_BUILDS
        const builds = params.build === 'native' ? [native] : params.build === 'cas' ? [cas] : [native, cas]
        return new Worker(shared, builds, random, thread)
      },
      run: ({ local: worker, params, threads, more, count }) => {
        // In turn, so that threads that begin together are at the same word.
        const all = TURNS.filter(about => params.word === 'all' || params.word === about)
        count('operations', 0)
        let turns = 0
        for (let reported = 0; more(); turns++) {
          worker.turn(all[turns % all.length])
          if (turns - reported < REPORT_EVERY) continue
          count('operations', turns - reported)
          reported = turns
        }
        count('operations', turns % REPORT_EVERY)
        // Alone nobody is ever refused.
        if (threads.worker > 1) count('refused', worker.refused)
        const { sum, drawn, ticketSum, ticketSquares, token } = worker
        return [sum, drawn, ticketSum, ticketSquares, token]
      },
    },
  },
  check: ({ shared, threads }) => {
    const w = shared.arena.words
    const word = (at: number) => Atomics.load(w, shared.words.base + at)
    const column = (n: number): number[] => threads.worker.map(returned => returned[n])
    const expect = (what: string, found: number, expected: number) => {
      if (found !== expected) violated('REF', `${what}: ${found}, not ${expected}`)
    }
    expect('readers and writers are gone', word(WORDS.sides), 0)
    expect('the sum of all accounts', word(WORDS.sum), total(column(0)))
    const drawn = total(column(1))
    expect('tickets', word(WORDS.tickets), drawn)
    const [sum, squares] = sumsBelow(drawn)
    expect('the sum of all tickets', total(column(2)), sum)
    expect('the sum of their squares', total(column(3)), squares)
    const tokens = [word(WORDS.token), ...column(4)].sort((a, b) => a - b)
    if (tokens.some((token, n) => token !== n)) violated('REF', `the tokens are ${tokens}`)
  },
  inconclusive: ({ counters, params }) =>
    params.word === 'all' && counters.refused === 0 ? 'nobody was ever in the way of another' : undefined,
  scale: {
    sweep: 'worker',
    rate: { name: 'operationsPerSecond', counter: 'operations' },
    rows: ['native', 'cas'].map(build => ({ labels: { build }, params: { build } })),
  },
})
