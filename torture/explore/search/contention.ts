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

interface Touched extends FocusedCell {
  kind: Kind | undefined
  threads: number
  written: boolean
  contended: boolean
}

/** Cells are aligned, so that those which overlap lie in the same unit of this size. */
const UNIT_BYTES = 8
/** More than a cell may have. */
const KEYS_PER_ADDRESS = 16

export class Contention {
  /** By address and size: views of several types may lie over the same memory. */
  readonly #cells = new Map<number, Touched>()
  readonly #units = new Map<number, Touched[]>()
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
    const bit = 1 << (board.actorAt(step) % board.threads)
    const writes = (board.didAt(step) & (DID.write | DID.delay)) !== 0
    const cell = this.#cellAt(board.at(step, STEP.address), board.bytesAt(step))
    if (cell.kind !== undefined) cell.kind.touches++
    if ((cell.threads & bit) !== 0 && (cell.written || !writes)) return false
    cell.threads |= bit
    cell.written ||= writes
    let news = false
    for (const other of this.#units.get(unitOf(cell.address))!) {
      if (!meet(cell, other)) continue
      if (this.#contend(other)) news = true
      if (this.#contend(cell)) news = true
    }
    return news
  }

  #cellAt(address: number, bytes: number): Touched {
    const key = KEYS_PER_ADDRESS * address + bytes
    const known = this.#cells.get(key)
    if (known !== undefined) return known
    const cell: Touched = { address, bytes, threads: 0, kind: undefined, written: false, contended: false }
    this.#cells.set(key, cell)
    const unit = this.#units.get(unitOf(address))
    if (unit === undefined) this.#units.set(unitOf(address), [cell])
    else unit.push(cell)
    return cell
  }

  /** True if that is news, and the user wants the cell to be in the focus. */
  #contend(cell: Touched): boolean {
    if (cell.contended) return false
    cell.contended = true
    const { address, bytes } = cell
    if (!this.#wanted(address)) {
      this.#unwanted.push({ address, bytes })
      return false
    }
    const found = { address, bytes }
    this.#found.push(found)
    this.#focus.add(address, bytes)
    cell.kind = this.#kindOf(address)
    cell.kind.cells.push(found)
    return true
  }
}

const unitOf = (address: number): number => Math.floor(address / UNIT_BYTES)

/** Whether two threads touch memory that both cells have, one of them writing. */
function meet(a: Touched, b: Touched): boolean {
  const threads = a.threads | b.threads
  const overlap = a.address < b.address + b.bytes && b.address < a.address + a.bytes
  return overlap && (a.written || b.written) && (threads & (threads - 1)) !== 0
}
