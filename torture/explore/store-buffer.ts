/**
 * Store buffers: a weaker memory model, seen through the order that `lib` gives as an extra last argument of `Atomics`.
 * A store marked relaxed or release waits in its thread's buffer until the scheduler lets it reach memory, as a step of
 * an actor of its own; an operation without a mark is in full order and waits until the buffer is empty.
 *
 * - `tso` (total store order, as on x86: Owens, Sarkar, Sewell, "A Better x86 Memory Model: x86-TSO", 2009): stores
 *   become visible in their order; a thread sees its own at once. Loads marked relaxed or acquire do not wait for them.
 * - `pso` (partial store order, as in SPARC's manual): a relaxed store may also overtake earlier stores to other cells,
 *   which a release store never does; and a marked load may find what its cell held before, back to the thread's last
 *   load marked acquire, its last operation in full order, or the last time it saw the cell.
 *
 * Read-modify-writes are in full order whatever their mark: on the machines that these models describe they lock the
 * cell, and what an algorithm gains from a weaker one is not modelled.
 *
 * All of it lies in shared memory, since whoever has the baton carries a store out for the thread that delayed it.
 */
import type { Addresses, Known } from './addresses.ts'
import { ACTOR, type Board, STEP } from './board.ts'
import { engine } from './engine.ts'
import { DID, OP } from './ops.ts'
import type { Scheduler } from './scheduler.ts'
import type { WeakMemory } from './weak-memory.ts'

/** Stores that one thread may have delayed; a further one waits for the oldest. */
const DEPTH = 16
/** Words of a delayed store. */
const ENTRY = { address: 0, bytes: 1, low: 2, high: 3, release: 4, big: 5 } as const
const ENTRY_WORDS = 8
/** Words of a thread: how many it has delayed, the step since which its loads are in order. */
const COUNT = 0
const FENCE = 1
const THREAD_WORDS = 8 + DEPTH * ENTRY_WORDS
/** How far back a load may look. */
const OLDEST = 8

/** Most threads: each has an actor for its buffer as well, and what is delayed must fit the scratch. */
export const MOST_BUFFERED = 15

export class StoreBuffers implements WeakMemory {
  readonly #board: Board
  readonly #scheduler: Scheduler
  readonly #addresses: Addresses
  readonly #thread: number
  readonly #partial: boolean
  readonly #w: Int32Array

  constructor(options: {
    board: Board
    scheduler: Scheduler
    addresses: Addresses
    thread: number
    model: 'tso' | 'pso'
    scratch: Int32Array
  }) {
    this.#board = options.board
    this.#scheduler = options.scheduler
    this.#addresses = options.addresses
    this.#thread = options.thread
    this.#partial = options.model === 'pso'
    this.#w = options.scratch
  }

  reset(): void {
    const { threads } = this.#board
    for (let t = 0; t < threads; t++) {
      this.#w[THREAD_WORDS * t + COUNT] = 0
      this.#w[THREAD_WORDS * t + FENCE] = 0
      this.#board.set(threads + t, ACTOR.enabler, -1)
      this.#board.set(threads + t, ACTOR.steps, 0)
    }
  }

  store(_cells: Int32Array, index: number, value: number | bigint, known: Known, order: string | undefined): boolean {
    if (order !== 'relaxed' && order !== 'release') {
      this.flush()
      return false
    }
    const w = this.#w
    const mine = THREAD_WORDS * this.#thread
    while (w[mine + COUNT] >= DEPTH) this.#drainFirst(this.#thread)
    const at = this.#place(known.base + index * known.bytes, order === 'release')
    w[at + ENTRY.address] = known.base + index * known.bytes
    w[at + ENTRY.bytes] = known.bytes
    w[at + ENTRY.low] = Number(BigInt.asIntN(32, BigInt(value)))
    w[at + ENTRY.high] = known.big ? Number(BigInt.asIntN(32, BigInt(value) >> 32n)) : 0
    w[at + ENTRY.release] = order === 'release' ? 1 : 0
    w[at + ENTRY.big] = known.big ? 1 : 0
    this.#offer(this.#thread)
    return true
  }

  load(_cells: Int32Array, index: number, known: Known, order: string | undefined): number | bigint | undefined {
    if (order !== 'relaxed' && order !== 'acquire') {
      this.flush()
      this.#fence()
      return undefined
    }
    const address = known.base + index * known.bytes
    const own = this.#delayed(this.#thread, address)
    const value = own >= 0 ? this.#valueOf(own, known) : this.#earlier(known, address)
    if (order === 'acquire') this.#fence()
    return value
  }

  flush(): void {
    while (this.#w[THREAD_WORDS * this.#thread + COUNT] > 0) this.#drainFirst(this.#thread)
    this.#fence()
  }

  settle(): void {
    for (let t = 0; t < this.#board.threads; t++) while (this.#w[THREAD_WORDS * t + COUNT] > 0) this.#drainFirst(t)
  }

  drain(actor: number): void {
    this.#drainFirst(actor - this.#board.threads)
  }

  /** Loads from here on find nothing older. */
  #fence(): void {
    this.#w[THREAD_WORDS * this.#thread + FENCE] = this.#board.steps
  }

  /** The place of a new entry: at the end, or further ahead where the model lets it overtake and the scheduler does. */
  #place(address: number, release: boolean): number {
    const w = this.#w
    const mine = THREAD_WORDS * this.#thread
    const last = w[mine + COUNT]++
    let n = last
    const entry = (i: number) => mine + 8 + ENTRY_WORDS * i
    while (this.#partial && !release && n > 0 && w[entry(n - 1) + ENTRY.address] !== address) {
      if (!this.#scheduler.aside(OP.overtake, address, w[entry(n - 1) + ENTRY.bytes], n < last)) break
      w.copyWithin(entry(n), entry(n - 1), entry(n))
      n--
    }
    if (n < last) this.#scheduler.reordering.expose(this.#thread, n + 1)
    return entry(n)
  }

  /** What the cell held before, if the scheduler wants the load to have happened then. */
  #earlier(known: Known, address: number): number | bigint | undefined {
    // Values are on the board with their low 32 bits only.
    if (!this.#partial || known.bytes !== 4) return undefined
    const board = this.#board
    const since = this.#w[THREAD_WORDS * this.#thread + FENCE]
    let value: number | undefined
    let looked = 0
    for (let step = board.steps - 1; step >= since && looked < OLDEST; step--) {
      if (board.at(step, STEP.address) !== address) continue
      const did = board.didAt(step)
      const by = board.actorAt(step)
      // It has seen the cell, or written it: nothing older is to be had.
      if ((by === this.#thread || by === board.threads + this.#thread) && (did & DID.delay) === 0) break
      if ((did & DID.change) === 0) continue
      if (!this.#scheduler.aside(OP.early, address, known.bytes)) break
      known.scratch[0] = board.at(step, STEP.read)
      value = known.scratch[0] as number
      looked++
    }
    return value
  }

  /** The newest delayed store of a thread to a cell, or -1. */
  #delayed(thread: number, address: number): number {
    const w = this.#w
    const theirs = THREAD_WORDS * thread
    for (let n = w[theirs + COUNT] - 1; n >= 0; n--) {
      const at = theirs + 8 + ENTRY_WORDS * n
      if (w[at + ENTRY.address] === address) return at
    }
    return -1
  }

  #valueOf(at: number, { scratch, big }: Pick<Known, 'scratch' | 'big'>): number | bigint {
    const w = this.#w
    scratch[0] = big
      ? (BigInt(w[at + ENTRY.high]) << 32n) | BigInt.asUintN(32, BigInt(w[at + ENTRY.low]))
      : w[at + ENTRY.low]
    return scratch[0]
  }

  /** The oldest delayed store reaches memory. */
  #drainFirst(thread: number): void {
    const w = this.#w
    const theirs = THREAD_WORDS * thread
    const at = theirs + 8
    const address = w[at + ENTRY.address]
    const bytes = w[at + ENTRY.bytes]
    const { cells, index } = this.#addresses.cellsAt(address, bytes)
    const value =
      bytes === 8
        ? (BigInt(w[at + ENTRY.high]) << 32n) | BigInt.asUintN(32, BigInt(w[at + ENTRY.low]))
        : w[at + ENTRY.low]
    const before = engine.exchange(cells, index, value as number)
    const after = engine.load(cells, index)
    w[theirs + COUNT]--
    w.copyWithin(at, at + ENTRY_WORDS, at + ENTRY_WORDS * (w[theirs + COUNT] + 1))
    const actor = this.#board.threads + thread
    this.#scheduler.pend(actor, OP.drain, address, bytes)
    const low = (it: number | bigint) => Number(BigInt.asIntN(32, BigInt(it)))
    this.#scheduler.took(actor, before === after ? DID.write : DID.write | DID.change, low(before), low(after))
    this.#offer(thread)
  }

  /** The buffer's actor can go while something is in it. */
  #offer(thread: number): void {
    const w = this.#w
    const theirs = THREAD_WORDS * thread
    const actor = this.#board.threads + thread
    const filled = w[theirs + COUNT] > 0
    if (filled) this.#scheduler.pend(actor, OP.drain, w[theirs + 8 + ENTRY.address], w[theirs + 8 + ENTRY.bytes])
    this.#scheduler.reordering.offer(actor, filled)
  }
}
