/**
 * Recognises a thread that repeats operations which change nothing: loads, failed exchanges, stores of the value that
 * is there, waits that time out. It is a private matter of the thread; only what follows from it is on the board.
 *
 * An operation is repeated if the same one on the same cell has found the same value `PATIENCE` times since the thread
 * last changed something, saw something else, or did an operation that was new. Who comes back to one cell again and
 * again and looks at another one each time (a walk from the root of a tree) is getting on. A loop with a counter ends by
 * itself, so it must be possible to let a thread run on: see `Stage`.
 */
import { OP } from './ops.ts'

/** Beyond the kinds of operations: their number of bytes. */
const BYTES_SHIFT = 5
const KINDS = (1 << BYTES_SHIFT) - 1
/** More bytes than a cell may have. */
const SIZES = 16

/** An operation as the window tells them apart: views of several types may have a cell at the same address. */
export const operationOf = (kind: number, bytes: number): number => kind | (bytes << BYTES_SHIFT)

/** What a look in vain was for, never 0: a change of the cell, or below 0, for `notify`, a sleeper there. */
export const lookOf = (kind: number, address: number, bytes: number): number => {
  const cell = address * SIZES + bytes
  return kind === OP.notify ? -cell : cell
}

/** A second look is common (test and test-and-set, double checks); the third one is a loop. */
export const PATIENCE = 2
/** Operations of one loop. A longer one is not recognised, and ends at the limit of steps. */
const MOST_OPERATIONS = 64

export class SpinWindow {
  readonly #operations = new Int32Array(MOST_OPERATIONS)
  readonly #addresses = new Int32Array(MOST_OPERATIONS)
  readonly #values = new Int32Array(MOST_OPERATIONS)
  readonly #counts = new Int32Array(MOST_OPERATIONS)
  #size = 0

  clear(): void {
    this.#size = 0
  }

  /** Nothing was done in vain since the thread last got somewhere. */
  get isEmpty(): boolean {
    return this.#size === 0
  }

  /**
   * How often the operation has been done in vain: the loop has gone round so many times.
   * @param operation here and below: of `operationOf`
   */
  repeats(operation: number, address: number): number {
    const at = this.#find(operation, address)
    return at < 0 ? 0 : this.#counts[at]
  }

  /** @param patience how often a loop that gives up is known to go round before it does */
  isSpinning(operation: number, address: number, patience = PATIENCE): boolean {
    return this.repeats(operation, address) >= Math.max(patience, PATIENCE)
  }

  /** How often the loop has gone round so far. */
  get rounds(): number {
    let most = 0
    for (let i = 0; i < this.#size; i++) most = Math.max(most, this.#counts[i])
    return most
  }

  /** How often a loop went round that this operation is not part of: it is left, though nothing in it found news. */
  roundsBefore(operation: number, address: number): number {
    return this.#find(operation, address) < 0 ? this.rounds : 0
  }

  /** An operation that changed nothing has found `value`. False if that is news: nothing has been repeated then. */
  inVain(operation: number, address: number, value: number): boolean {
    const at = this.#find(operation, address)
    if (at >= 0 && this.#values[at] === value) {
      this.#counts[at]++
      return true
    }
    const news = at >= 0 || this.#size === MOST_OPERATIONS
    if (news) this.#size = 0
    this.#counts.fill(1, 0, this.#size)
    const free = this.#size++
    this.#operations[free] = operation
    this.#addresses[free] = address
    this.#values[free] = value
    this.#counts[free] = 1
    return !news
  }

  /** The changes that could end the loop, as `lookOf` names them. */
  watched(): number[] {
    const looks = new Set<number>()
    for (let i = 0; i < this.#size; i++) {
      const kind = this.#operations[i] & KINDS
      if (kind !== OP.clock && kind !== OP.wake)
        looks.add(lookOf(kind, this.#addresses[i], this.#operations[i] >> BYTES_SHIFT))
    }
    return [...looks]
  }

  #find(operation: number, address: number): number {
    for (let i = 0; i < this.#size; i++)
      if (this.#addresses[i] === address && this.#operations[i] === operation) return i
    return -1
  }
}
