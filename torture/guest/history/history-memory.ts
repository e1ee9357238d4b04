/**
 * Where recorded calls lie: shared memory, for each copy of the state a row for each thread and one for `check`. A row is
 * written by its thread alone, in plain stores, and read by whoever judges the round when all threads have met; only its
 * count of ended calls is looked at before, and lies in a cache line of its own.
 */

/** Doubles of a call: its operation and arguments, and what it returned. */
export const CALL = { operation: 0, args: 1, arg: 2, kind: 5, values: 6 } as const
export const CALL_DOUBLES = 14
export const MOST_VALUES = 8
/** What a call returned; from `list` on, a list of so many numbers more than that. */
export const KIND = { pending: 0, nothing: 1, number: 2, list: 3 } as const

/** Words of a row's head. */
export const ROW = { ended: 0, begun: 16, dropped: 17 } as const
const ROW_WORDS = 32
/** The words that all rows of a copy share: how often the counter was drawn from. */
const COPY_WORDS = 16

/** All that histories may take, so that caches hold them: fewer copies of the state do as well. */
const MOST_BYTES = 4 * 1024 * 1024

/** Calls of a row for each one that a round of long-running bodies is cut at: what is under way then has room. */
const ROOM = 4

export interface HistoryShape {
  readonly copies: number
  /** Threads and one. */
  readonly rows: number
  /** Most calls of a row. */
  readonly capacity: number
}

/** @param calls at which a round of long-running bodies ends */
export function historyMemory(
  copies: number,
  threads: number,
  calls: number,
): { readonly shape: HistoryShape; readonly buffer: SharedArrayBuffer } {
  const shape = { copies, rows: threads + 1, capacity: ROOM * calls }
  return { shape, buffer: new SharedArrayBuffer(HistoryMemory.bytes(shape)) }
}

/** How many copies of the state have room for their histories. */
export function copiesWithin(threads: number, calls: number): number {
  const shape = { copies: 1, rows: threads + 1, capacity: ROOM * calls }
  return Math.max(1, Math.floor(MOST_BYTES / HistoryMemory.bytes(shape)))
}

export class HistoryMemory {
  readonly shape: HistoryShape
  readonly words: Int32Array
  readonly doubles: Float64Array
  readonly #marksAt: number

  constructor(shape: HistoryShape, buffer: SharedArrayBuffer) {
    const { copies, rows } = shape
    this.shape = shape
    this.#marksAt = copies * (COPY_WORDS + ROW_WORDS * rows)
    this.words = new Int32Array(buffer, 0, wordsOf(shape))
    this.doubles = new Float64Array(buffer, 4 * wordsOf(shape))
  }

  static bytes(shape: HistoryShape): number {
    return 4 * wordsOf(shape) + 8 * CALL_DOUBLES * calls(shape)
  }

  /** The copy's counter. */
  counter(copy: number): number {
    return copy * (COPY_WORDS + ROW_WORDS * this.shape.rows)
  }

  head(copy: number, row: number): number {
    return this.counter(copy) + COPY_WORDS + ROW_WORDS * row
  }

  /** The words that tell what a call came after, `rows` of them: their meaning is a matter of the recorder. */
  marks(copy: number, row: number, n: number): number {
    const { rows, capacity } = this.shape
    return this.#marksAt + rows * ((copy * rows + row) * capacity + n)
  }

  call(copy: number, row: number, n: number): number {
    const { rows, capacity } = this.shape
    return CALL_DOUBLES * ((copy * rows + row) * capacity + n)
  }

  /** Forgets what was recorded. No thread may be recording in this copy. */
  clear(copy: number): void {
    const { words, shape } = this
    words[this.counter(copy)] = 0
    for (let row = 0; row < shape.rows; row++) {
      const head = this.head(copy, row)
      words[head + ROW.ended] = 0
      words[head + ROW.begun] = 0
      words[head + ROW.dropped] = 0
    }
  }
}

const calls = ({ copies, rows, capacity }: HistoryShape): number => copies * rows * capacity

/** An even number: doubles follow. */
function wordsOf(shape: HistoryShape): number {
  const words = shape.copies * (COPY_WORDS + ROW_WORDS * shape.rows) + shape.rows * calls(shape)
  return words + (words & 1)
}
