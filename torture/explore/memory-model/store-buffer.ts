/**
 * Store buffers: a weaker memory model, seen through the order that `lib` gives as an extra last argument of `Atomics`.
 * A store marked relaxed or release waits in its thread's buffer until the scheduler lets it reach memory, as a step of
 * an actor of its own, if need be after its thread has returned; an operation without a mark is in full order and waits
 * until the buffer is empty.
 *
 * - `tso` (total store order, as on x86: Owens, Sarkar, Sewell, "A Better x86 Memory Model: x86-TSO", 2009): stores
 *   become visible in their order; a thread sees its own at once. Loads marked relaxed or acquire do not wait for them.
 *   Read-modify-writes are in full order whatever their mark: they lock the cell.
 * - `pso` (partial store order, as in SPARC's manual, and with what ARM's processors do beside that): a relaxed store may
 *   also overtake earlier stores to other cells, which a release store never does; a marked load may have happened
 *   earlier (see `Looks`); and a marked read-modify-write is no barrier but for what its mark says. It reads the cell's
 *   present value, and what it writes is delayed like a store: later ones may overtake it, and unless it is a release it
 *   may overtake earlier ones. Nothing comes between the two: the cell is **reserved**, and whoever writes to it lets the
 *   delayed value reach memory first. A release waits until earlier stores have reached memory, an acquire lets no later
 *   load happen before it has read. If it fails it was a load of the present value with the same mark.
 *
 * With `HEAD.fullWaits`, which is for `tso` only, who goes is all that there is to decide: who has to wait for a buffer
 * cannot go until that has made its steps. Otherwise a thread makes them itself, with nobody in between.
 *
 * What is done while handles are opened is in full order: nobody is there yet who could tell the difference.
 *
 * All of it lies in shared memory, since whoever has the baton carries a store out for the thread that delayed it.
 */

import { engine } from '../../guest/engine.ts'
import type { Addresses, Known } from '../report/addresses.ts'
import { ACTOR, type Board, HEAD } from '../schedule/board.ts'
import { DID, OP } from '../schedule/ops.ts'
import type { Scheduler } from '../schedule/scheduler.ts'
import { Looks } from './looks.ts'
import type { Modified, WeakMemory } from './weak-memory.ts'

/** Stores that one thread may have delayed; a further one waits for the oldest. */
export const DEPTH = 16
/** Words of a delayed store. */
const ENTRY = { address: 0, bytes: 1, low: 2, high: 3, reserved: 4 } as const
const ENTRY_WORDS = 8
/**
 * Words of a thread: how many it has delayed, the step since which its loads are in order, and with how many delayed at
 * most it can go on; -1: it does not wait for that.
 */
const COUNT = 0
const FENCE = 1
const WAITS = 2
const FIRST_ENTRY = 8
const THREAD_WORDS = FIRST_ENTRY + DEPTH * ENTRY_WORDS

/** Most threads: each has an actor for its buffer as well, and what is delayed must fit the scratch. */
export const MOST_BUFFERED = 15

type Value = number | bigint

export class StoreBuffers implements WeakMemory {
  readonly #board: Board
  readonly #scheduler: Scheduler
  readonly #addresses: Addresses
  readonly #thread: number
  readonly #partial: boolean
  readonly #looks: Looks
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
    this.#looks = new Looks(options.board, options.scheduler, options.thread)
    this.#w = options.scratch
  }

  reset(): void {
    const { threads } = this.#board
    for (let t = 0; t < threads; t++) {
      this.#w[THREAD_WORDS * t + COUNT] = 0
      this.#w[THREAD_WORDS * t + FENCE] = 0
      this.#w[THREAD_WORDS * t + WAITS] = -1
      this.#board.set(threads + t, ACTOR.enabler, -1)
      this.#board.set(threads + t, ACTOR.steps, 0)
    }
  }

  arrive(kind: number, order: string | undefined): void {
    if (this.#board.head[HEAD.fullWaits] === 0) return
    const most = kind === OP.clock || this.#passes(kind, order) ? DEPTH : this.#delays(kind, order) ? DEPTH - 1 : 0
    if (this.#count(this.#thread) <= most) return
    this.#w[THREAD_WORDS * this.#thread + WAITS] = most
    this.#scheduler.suspend(this.#thread)
  }

  store(cells: Int32Array, index: number, value: Value, known: Known, order: string | undefined): Value | undefined {
    const address = known.base + index * known.bytes
    if (!this.#delays(OP.store, order)) {
      this.flush()
      this.#claim(this.#thread, address, known.bytes)
      return undefined
    }
    const held = this.#own(address, known) ?? engine.load(cells, index)
    this.#delay(address, known, value, order)
    return held
  }

  load(_cells: Int32Array, index: number, known: Known, order: string | undefined): Value | undefined {
    if (!this.#passes(OP.load, order)) {
      this.flush()
      return undefined
    }
    const address = known.base + index * known.bytes
    if (order === 'acquire') this.#settle(address)
    const own = this.#own(address, known)
    if (own !== undefined || !this.#partial) return own
    const value = this.#looks.look(address, known, this.#fence)
    if (order === 'acquire') this.#fence = this.#looks.since
    return value
  }

  modify(
    cells: Int32Array,
    index: number,
    known: Known,
    order: string | undefined,
    change: (one: Known['scratch']) => boolean,
  ): Modified | undefined {
    const { bytes, scratch } = known
    const address = known.base + index * bytes
    const marked = this.#partial && !this.#opens && (order === 'relaxed' || order === 'acquire' || order === 'release')
    if (!marked) this.flush()
    else if (order === 'release') this.#drainAll()
    else while (this.#own(address, known) !== undefined) this.#drain(this.#thread, 0)
    this.#claim(this.#thread, address, bytes)
    if (!marked) return undefined
    if (order === 'acquire') this.#fence = this.#looks.presentSince(address, bytes, this.#fence)
    const before = engine.load(cells, index) as Value
    scratch[0] = before
    if (!change(scratch)) return { did: 0, before, after: before }
    const after = scratch[0] as Value
    this.#delay(address, known, after, order, true)
    return { did: DID.delay, before, after }
  }

  flush(): void {
    this.#drainAll()
    this.#fence = this.#board.steps
    this.#board.set(this.#thread, ACTOR.also, this.#board.of(this.#thread, ACTOR.also) | DID.full)
  }

  drain(actor: number): void {
    const thread = actor - this.#board.threads
    let chosen = 0
    for (let n = 1; n < this.#count(thread); n++) {
      const at = this.#entry(thread, n)
      if (this.#w[at + ENTRY.reserved] === 0) continue
      if (!this.#scheduler.aside(OP.overtake, this.#w[at + ENTRY.address], this.#w[at + ENTRY.bytes], chosen > 0)) break
      chosen = n
    }
    this.#drain(thread, chosen)
  }

  /** The thread opens its handles. */
  get #opens(): boolean {
    return (this.#board.head[HEAD.opening] & (1 << this.#thread)) !== 0
  }

  /** A load that does not wait for the thread's stores. */
  #passes(kind: number, order: string | undefined): boolean {
    return kind === OP.load && (order === 'relaxed' || order === 'acquire') && !this.#opens
  }

  #delays(kind: number, order: string | undefined): boolean {
    return kind === OP.store && (order === 'relaxed' || order === 'release') && !this.#opens
  }

  /** Loads from here on find nothing that was over before this step. */
  get #fence(): number {
    return this.#w[THREAD_WORDS * this.#thread + FENCE]
  }

  set #fence(step: number) {
    this.#w[THREAD_WORDS * this.#thread + FENCE] = step
  }

  #count(thread: number): number {
    return this.#w[THREAD_WORDS * thread + COUNT]
  }

  #entry(thread: number, n: number): number {
    return THREAD_WORDS * thread + FIRST_ENTRY + ENTRY_WORDS * n
  }

  #delay(address: number, known: Known, value: Value, order: string | undefined, reserved = false): void {
    const w = this.#w
    while (this.#count(this.#thread) >= DEPTH) this.#drainOldest()
    const at = this.#place(address, order === 'release')
    w[at + ENTRY.address] = address
    w[at + ENTRY.bytes] = known.bytes
    w[at + ENTRY.low] = low(value)
    w[at + ENTRY.high] = known.big ? low(BigInt(value) >> 32n) : 0
    w[at + ENTRY.reserved] = reserved ? 1 : 0
    this.#pend(this.#thread)
  }

  /** The place of a new entry: at the end, or further ahead where the model lets it overtake and the scheduler does. */
  #place(address: number, release: boolean): number {
    const w = this.#w
    const thread = this.#thread
    const last = w[THREAD_WORDS * thread + COUNT]++
    let n = last
    while (this.#partial && !release && n > 0) {
      const before = this.#entry(thread, n - 1)
      if (w[before + ENTRY.address] === address) break
      if (!this.#scheduler.aside(OP.overtake, address, w[before + ENTRY.bytes], n < last)) break
      w.copyWithin(before + ENTRY_WORDS, before, before + ENTRY_WORDS)
      n--
    }
    if (n < last) this.#scheduler.reordering.expose(thread, n + 1)
    return this.#entry(thread, n)
  }

  /** The value that the thread has delayed for a cell. What overlaps it without being it reaches memory first. */
  #own(address: number, { bytes, scratch, big }: Known): Value | undefined {
    const w = this.#w
    for (let n = this.#count(this.#thread) - 1; n >= 0; n--) {
      const at = this.#entry(this.#thread, n)
      if (!overlaps(w[at + ENTRY.address], w[at + ENTRY.bytes], address, bytes)) continue
      if (w[at + ENTRY.address] !== address || w[at + ENTRY.bytes] !== bytes) {
        this.#drainAll()
        return undefined
      }
      scratch[0] = big ? wide(w[at + ENTRY.high], w[at + ENTRY.low]) : w[at + ENTRY.low]
      return scratch[0]
    }
    return undefined
  }

  /**
   * An acquire that finds what the thread's own read-modify-write has left there comes after all that this one found: it
   * waits until that has reached memory, as on ARM.
   */
  #settle(address: number): void {
    for (let n = this.#count(this.#thread) - 1; n >= 0; n--) {
      const at = this.#entry(this.#thread, n)
      if (this.#w[at + ENTRY.address] !== address) continue
      if (this.#w[at + ENTRY.reserved] === 0) return
      this.#noteOvertaking(this.#thread, n)
      this.#drain(this.#thread, n)
      return
    }
  }

  /** Nobody else has the cell reserved any more: what they have delayed for it has reached memory. */
  #claim(thread: number, address: number, bytes: number): void {
    const w = this.#w
    for (let t = 0; t < this.#board.threads; t++) {
      if (t === thread) continue
      for (let n = 0; n < this.#count(t); n++) {
        const at = this.#entry(t, n)
        if (w[at + ENTRY.reserved] === 0) continue
        if (!overlaps(w[at + ENTRY.address], w[at + ENTRY.bytes], address, bytes)) continue
        this.#noteOvertaking(t, n)
        this.#drain(t, n--)
      }
    }
  }

  /** As if it had been chosen, so that a replay chooses it. */
  #noteOvertaking(thread: number, entry: number): void {
    for (let n = 1; n <= entry; n++) {
      const at = this.#entry(thread, n)
      if (this.#w[at + ENTRY.reserved] === 0) continue
      this.#scheduler.noteAside(OP.overtake, this.#w[at + ENTRY.address], this.#w[at + ENTRY.bytes])
    }
  }

  #drainAll(): void {
    while (this.#count(this.#thread) > 0) this.#drainOldest()
  }

  /** Nobody gets in between. */
  #drainOldest(): void {
    const { head } = this.#board
    if (head[HEAD.fullWaits] === 1) head[HEAD.emptied] = 1
    this.#drain(this.#thread, 0)
  }

  /** A delayed store reaches memory: the oldest one, or a reserved one ahead of it. */
  #drain(thread: number, n: number): void {
    const w = this.#w
    const at = this.#entry(thread, n)
    const address = w[at + ENTRY.address]
    const bytes = w[at + ENTRY.bytes]
    this.#claim(thread, address, bytes)
    const { cells, index } = this.#addresses.cellsAt(address, bytes)
    const value = bytes === 8 ? wide(w[at + ENTRY.high], w[at + ENTRY.low]) : w[at + ENTRY.low]
    const before = engine.exchange(cells, index, value as number)
    const after = engine.load(cells, index)
    const count = --w[THREAD_WORDS * thread + COUNT]
    w.copyWithin(at, at + ENTRY_WORDS, this.#entry(thread, count + 1))
    const actor = this.#board.threads + thread
    this.#board.pend(actor, OP.drain, address, bytes)
    this.#scheduler.took(actor, before === after ? DID.write : DID.write | DID.change, low(before), low(after))
    if (count > 0) this.#pend(thread)
    this.#scheduler.reordering.offer(actor, count > 0)
    if (count > w[THREAD_WORDS * thread + WAITS]) return
    w[THREAD_WORDS * thread + WAITS] = -1
    this.#scheduler.resume(thread)
  }

  /** What the buffer's actor does next. It can go while something is in it: the scheduler sees to that. */
  #pend(thread: number): void {
    const first = this.#entry(thread, 0)
    const actor = this.#board.threads + thread
    this.#board.pend(actor, OP.drain, this.#w[first + ENTRY.address], this.#w[first + ENTRY.bytes])
  }
}

const low = (value: Value): number => (typeof value === 'number' ? value | 0 : Number(BigInt.asIntN(32, value)))

const wide = (high: number, lower: number): bigint => (BigInt(high) << 32n) | BigInt.asUintN(32, BigInt(lower))

const overlaps = (a: number, aBytes: number, b: number, bBytes: number): boolean => a < b + bBytes && b < a + aBytes
