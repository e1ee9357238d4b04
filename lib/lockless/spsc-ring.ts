/**
 * Lamport's ring for one producer and one consumer. Each end moves its own position and only looks at the other's; a
 * private copy of the other's position is looked up again only when the ring seems full or empty.
 *
 * L. Lamport, "Specifying concurrent program modules", ACM TOPLAS 5(2), 1983; the copies: J. Giacomoni, T. Moseley and
 * M. Vachharajani, "FastForward for efficient pipeline parallelism", PPoPP 2008, on why sharing positions is slow.
 */
import { type ArenaBuilder, POISON, type Region } from '../shm/arena.ts'
import { struct } from '../shm/layout.ts'
import { bug, pass, site } from '../shm/sites.ts'

const CELL = struct('cell', { value: 'what the producer left here' })
const PUT_AT = struct('put_at', { position: 'that is written next, modulo 2^32; the producer alone moves it' })
const TAKE_AT = struct('take_at', { position: 'that is read next, modulo 2^32; the consumer alone moves it' })

export interface SpscRingImage {
  readonly cells: Region
  readonly putAt: Region
  readonly takeAt: Region
}

const SITE_PUT = site('spsc-ring/put')
const SITE_TAKE = site('spsc-ring/take')

/** The position is moved before the value is there. */
const POSITION_FIRST = bug('spsc-ring-position-first')
/** The consumer's position is moved before the value is read. */
const FREED_EARLY = bug('spsc-ring-freed-early')
/** The position is moved by a store that may overtake that of the value. */
const PUBLISH = bug('spsc-ring-published-relaxed') ? 'relaxed' : 'release'

/** Reserves a ring of so many cells: a power of two. */
export function spscRingRegion(builder: ArenaBuilder, cells: number): SpscRingImage {
  if (cells < 1 || (cells & (cells - 1)) !== 0) throw new RangeError(`a ring of ${cells} cells: not a power of two`)
  return {
    cells: builder.region('cell', CELL, cells),
    putAt: builder.region('put_at', PUT_AT, 1, { ownLines: true }),
    takeAt: builder.region('take_at', TAKE_AT, 1, { ownLines: true }),
  }
}

/** Fills the cells with what nobody put there. Once, before any thread starts. */
export function initSpscRing(w: Int32Array, { cells }: SpscRingImage): void {
  for (let n = 0; n < cells.count; n++) Atomics.store(w, cells.base + n, POISON)
}

/** A handle of one end: a thread that puts never takes. */
export class SpscRing {
  readonly #w: Int32Array
  readonly #cells: number
  readonly #size: number
  readonly #putAt: number
  readonly #takeAt: number
  /** Own position, and the other's as it was seen last. */
  #put: number
  #take: number

  constructor(w: Int32Array, image: SpscRingImage) {
    this.#w = w
    this.#cells = image.cells.base
    this.#size = image.cells.count
    this.#putAt = image.putAt.base + PUT_AT.position
    this.#takeAt = image.takeAt.base + TAKE_AT.position
    this.#put = Atomics.load(w, this.#putAt)
    this.#take = Atomics.load(w, this.#takeAt)
  }

  /** False when the ring is full. */
  put(value: number): boolean {
    const w = this.#w
    if (((this.#put - this.#take) | 0) === this.#size) {
      // Acquire: the cell is written after the consumer has read it.
      this.#take = Atomics.load(w, this.#takeAt, 'acquire')
      if (((this.#put - this.#take) | 0) === this.#size) return false
    }
    const cell = this.#cells + (this.#put & (this.#size - 1))
    this.#put = (this.#put + 1) | 0
    if (POSITION_FIRST) Atomics.store(w, this.#putAt, this.#put, 'release')
    pass(SITE_PUT, this.#put, value)
    Atomics.store(w, cell, value, 'relaxed')
    // Release: who finds the position finds the value.
    if (!POSITION_FIRST) Atomics.store(w, this.#putAt, this.#put, PUBLISH)
    return true
  }

  /** The value put first; 0 when the ring is empty. */
  take(): number {
    const w = this.#w
    if (this.#take === this.#put) {
      // Acquire: the value is read after the position that announces it.
      this.#put = Atomics.load(w, this.#putAt, 'acquire')
      if (this.#take === this.#put) return 0
    }
    const cell = this.#cells + (this.#take & (this.#size - 1))
    this.#take = (this.#take + 1) | 0
    if (FREED_EARLY) Atomics.store(w, this.#takeAt, this.#take, 'release')
    pass(SITE_TAKE, this.#take, 0)
    const value = Atomics.load(w, cell, 'relaxed')
    // Release: who finds the position may write, after the value was read.
    if (!FREED_EARLY) Atomics.store(w, this.#takeAt, this.#take, 'release')
    return value
  }
}
