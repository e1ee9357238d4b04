/**
 * A bounded ring for many producers and many consumers. Each cell has a sequence number that says whose turn it is:
 * equal to the position, a producer's; one more, a consumer's; and a consumer hands it on to the producer of the next
 * round. Who has found its turn claims the position by a compare-and-swap, and passes the turn on when it is done.
 *
 * D. Vyukov, "Bounded MPMC queue", 1024cores.net, 2010.
 */
import { type ArenaBuilder, objectAt, POISON, type Region } from '../shm/arena.ts'
import { struct } from '../shm/layout.ts'
import { bug, pass, site } from '../shm/sites.ts'

const CELL = struct('cell', {
  turn: 'position whose producer may write, or that plus 1 for its consumer',
  value: 'what a producer left here',
})
const PUT_AT = struct('put_at', { position: 'that the next producer claims, modulo 2^32' })
const TAKE_AT = struct('take_at', { position: 'that the next consumer claims, modulo 2^32' })

export interface MpmcRingImage {
  readonly cells: Region
  readonly putAt: Region
  readonly takeAt: Region
}

const SITE_CLAIMED = site('mpmc-ring/claimed')
const SITE_CONSUMER = site('mpmc-ring/consumer')

/** The turn is passed on before the value is there. */
const PUBLISHED_EARLY = bug('mpmc-ring-published-early')
/** A consumer takes the producer's turn for its own: "not before" in place of "not yet". */
const CONSUMER_BEHIND = bug('mpmc-ring-off-by-one') ? -1 : 0

/** Reserves a ring of so many cells: a power of two, at least 2. */
export function mpmcRingRegion(builder: ArenaBuilder, cells: number): MpmcRingImage {
  if (cells < 2 || (cells & (cells - 1)) !== 0) throw new RangeError(`a ring of ${cells} cells: not a power of two`)
  return {
    cells: builder.region('cell', CELL, cells),
    putAt: builder.region('put_at', PUT_AT, 1, { ownLines: true }),
    takeAt: builder.region('take_at', TAKE_AT, 1, { ownLines: true }),
  }
}

/** Makes the ring empty. Once, before any thread starts. */
export function initMpmcRing(w: Int32Array, { cells }: MpmcRingImage): void {
  for (let n = 0; n < cells.count; n++) {
    Atomics.store(w, objectAt(cells, n) + CELL.turn, n)
    Atomics.store(w, objectAt(cells, n) + CELL.value, POISON)
  }
}

/** A thread's handle. */
export class MpmcRing {
  readonly #w: Int32Array
  readonly #cells: Region
  readonly #mask: number
  readonly #putAt: number
  readonly #takeAt: number
  retries = 0

  constructor(w: Int32Array, image: MpmcRingImage) {
    this.#w = w
    this.#cells = image.cells
    this.#mask = image.cells.count - 1
    this.#putAt = image.putAt.base + PUT_AT.position
    this.#takeAt = image.takeAt.base + TAKE_AT.position
  }

  /** False when the ring is full. */
  put(value: number): boolean {
    const w = this.#w
    const position = this.#claim(this.#putAt, 0, 0)
    if (position === NONE) return false
    const cell = objectAt(this.#cells, position & this.#mask)
    if (PUBLISHED_EARLY) Atomics.store(w, cell + CELL.turn, (position + 1) | 0, 'release')
    pass(SITE_CLAIMED, position, value)
    Atomics.store(w, cell + CELL.value, value, 'relaxed')
    // Release: the consumer whose turn it is now finds the value.
    if (!PUBLISHED_EARLY) Atomics.store(w, cell + CELL.turn, (position + 1) | 0, 'release')
    return true
  }

  /** The value put first; 0 when the ring is empty. */
  take(): number {
    const w = this.#w
    const position = this.#claim(this.#takeAt, 1, CONSUMER_BEHIND)
    if (position === NONE) return 0
    pass(SITE_CONSUMER, position, 0)
    const cell = objectAt(this.#cells, position & this.#mask)
    const value = Atomics.load(w, cell + CELL.value, 'relaxed')
    // Release: the producer of the next round writes after the value was read.
    Atomics.store(w, cell + CELL.turn, (position + this.#mask + 1) | 0, 'release')
    return value
  }

  /** The next position, claimed, if its cell's turn is `ahead` of it; NONE if that turn has not come, by `least`. */
  #claim(at: number, ahead: number, least: number): number {
    const w = this.#w
    let position = Atomics.load(w, at, 'relaxed')
    for (;;) {
      // Acquire: what is done to the cell is done after it was handed over.
      const turn = Atomics.load(w, objectAt(this.#cells, position & this.#mask) + CELL.turn, 'acquire')
      const difference = (turn - position - ahead) | 0
      if (difference < least) return NONE
      // Relaxed: the turn orders what is done to the cell; the position only says whose it is.
      if (difference <= 0) {
        const seen = Atomics.compareExchange(w, at, position, (position + 1) | 0, 'relaxed')
        if (seen === position) return position
      }
      this.retries++
      position = Atomics.load(w, at, 'relaxed')
    }
  }
}

/** No position: they are 32-bit integers. */
const NONE = 2 ** 32
