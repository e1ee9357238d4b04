/**
 * Learns from executions which cells two threads touch, one of them writing. Only there does it matter who comes first,
 * so only there are threads switched. A cell that turns out contended later joins the focus then, and whoever counts on
 * the focus being complete is told.
 */

import type { Names } from '../report/names.ts'
import { type Board, STEP } from '../schedule/board.ts'
import { DID, OP } from '../schedule/ops.ts'
import type { Focus } from './focus.ts'
import type { FocusedCell } from './focus-names.ts'

/** Cells of the same name but for its numbers. */
export interface Kind {
  readonly cells: FocusedCell[]
  /** Steps on them in the last execution that was looked at. */
  touches: number
}

interface Touched {
  kind: Kind | undefined
  threads: number
  written: boolean
  bytes: number
  contended: boolean
}

export class Contention {
  readonly #cells = new Map<number, Touched>()
  readonly #focus: Focus
  readonly #wanted: (address: number) => boolean
  readonly #names: Names
  readonly #found: FocusedCell[] = []
  readonly #unwanted: FocusedCell[] = []
  readonly #kinds = new Map<string, Kind>()
  /** Whether threads meet in some other way: waits and notifies. */
  #meets = false

  /** @param wanted whether the user wants a cell to be in the focus */
  constructor(focus: Focus, wanted: (address: number) => boolean, names: Names) {
    this.#focus = focus
    this.#wanted = wanted
    this.#names = names
  }

  /** Cells at which the order of threads matters, and which the user wants. */
  get size(): number {
    return this.#found.length
  }

  /** Whether threads meet at all. */
  get any(): boolean {
    return this.#found.length > 0 || this.#meets
  }

  /** Contended cells that the user does not want to be in the focus. */
  get unwanted(): readonly FocusedCell[] {
    return this.#unwanted
  }

  /** The contended cells of the focus by kind: `vma[*].vm_refcnt`. With how often an execution touches them. */
  get kinds(): readonly Kind[] {
    return [...this.#kinds.values()]
  }

  /** The contended cells that are in the focus. */
  wanted(): FocusedCell[] {
    return this.#found
  }

  /** Takes in the execution just done. True if there was something new to learn. */
  learn(board: Board): boolean {
    let news = false
    for (const kind of this.#kinds.values()) kind.touches = 0
    for (let step = 0; step < board.steps; step++) {
      const kind = board.kindAt(step)
      if (kind < OP.load || kind === OP.clock || kind > OP.drain) continue
      if (kind === OP.wait || kind === OP.notify) this.#meets = true
      if (this.#touch(board, step)) news = true
    }
    return news
  }

  #kindOf(address: number): Kind {
    const name = this.#names.cell(address).replace(/\d+/g, '#')
    const kind = this.#kinds.get(name) ?? { cells: [], touches: 0 }
    this.#kinds.set(name, kind)
    return kind
  }

  #touch(board: Board, step: number): boolean {
    const address = board.at(step, STEP.address)
    const bit = 1 << (board.actorAt(step) % board.threads)
    const writes = (board.didAt(step) & (DID.write | DID.delay)) !== 0
    let cell = this.#cells.get(address)
    if (cell === undefined) {
      cell = { threads: 0, kind: undefined, written: false, bytes: board.bytesAt(step), contended: false }
      this.#cells.set(address, cell)
    }
    if (cell.kind !== undefined) cell.kind.touches++
    if ((cell.threads & bit) !== 0 && (cell.written || !writes)) return false
    cell.threads |= bit
    cell.written ||= writes
    if (cell.contended || !cell.written || (cell.threads & (cell.threads - 1)) === 0) return false
    cell.contended = true
    if (!this.#wanted(address)) {
      this.#unwanted.push({ address, bytes: cell.bytes })
      return false
    }
    const found = { address, bytes: cell.bytes }
    this.#found.push(found)
    this.#focus.add(address, cell.bytes)
    cell.kind = this.#kindOf(address)
    cell.kind.cells.push(found)
    return true
  }
}
