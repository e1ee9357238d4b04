/**
 * Loads that happened earlier than they stand in the program: with a weaker memory model a marked load may find what its
 * cell held before. All threads see the same changes in the same order, so it is enough to look back in the trace.
 *
 * A load never goes back before its thread's fence (its last operation in full order, or when what its last acquire found
 * came to be there), its own last write to the cell, or what it has found there already.
 */
import { ASIDE, type Board, STEP } from '../schedule/board.ts'
import { DID, OP } from '../schedule/ops.ts'
import type { Scheduler } from '../schedule/scheduler.ts'

/** Changes that a load may look back beyond, and steps that are searched for them. */
const OLDEST = 8
const REACH = 1 << 12

interface Width {
  readonly bytes: number
  readonly scratch: { [at: number]: number | bigint }
}

export class Looks {
  /** The step since which what the last look found was there; its thread's fence, if that was later. */
  since = 0
  readonly #board: Board
  readonly #scheduler: Scheduler
  readonly #thread: number

  constructor(board: Board, scheduler: Scheduler, thread: number) {
    this.#board = board
    this.#scheduler = scheduler
    this.#thread = thread
  }

  /** What a load finds if it is not what the cell holds now. */
  look(address: number, { bytes, scratch }: Width, fence: number): number | undefined {
    // Values are on the board with their low 32 bits only.
    const most = bytes === 4 ? OLDEST : 0
    const change = this.#goBack(address, bytes, fence, most)
    if (change < 0) return undefined
    scratch[0] = this.#board.at(change, STEP.read)
    return scratch[0]
  }

  /** The step since which the cell has held what was written there last, or the fence. */
  presentSince(address: number, bytes: number, fence: number): number {
    const board = this.#board
    for (let step = board.steps - 1; step >= Math.max(fence, board.steps - REACH); step--)
      if (this.#touches(step, address, bytes) && (board.didAt(step) & DID.write) !== 0) return step + 1
    return fence
  }

  /** The change before which the load happens, if the scheduler wants it to; -1: it happens now. */
  #goBack(address: number, bytes: number, fence: number, most: number): number {
    const board = this.#board
    let found = -1
    let left = most
    const end = Math.max(fence, board.steps - REACH)
    this.since = end
    for (let step = board.steps - 1; step >= end; step--) {
      if (!this.#touches(step, address, bytes)) continue
      const did = board.didAt(step)
      const ownWrite = this.#isOwn(step) && (did & DID.write) !== 0
      if (this.#isOwn(step)) left = ownWrite ? 0 : Math.min(left, this.#earlies(step))
      if ((did & DID.change) === 0 && !ownWrite) continue
      const exact = board.at(step, STEP.address) === address && board.bytesAt(step) === bytes
      if (!exact || left === 0 || !this.#scheduler.aside(OP.early, address, bytes, found >= 0)) {
        this.since = step + 1
        break
      }
      left--
      found = step
    }
    return found
  }

  #touches(step: number, address: number, bytes: number): boolean {
    const board = this.#board
    const at = board.at(step, STEP.address)
    return at < address + bytes && address < at + board.bytesAt(step) && board.actorAt(step) !== ASIDE
  }

  /** Whether the thread has seen the cell then, or written it; a delayed store is not in memory. */
  #isOwn(step: number): boolean {
    const { threads } = this.#board
    const by = this.#board.actorAt(step)
    if ((this.#board.didAt(step) & DID.delay) !== 0) return false
    return by === this.#thread || by === threads + this.#thread
  }

  /** How many changes a load of its own looked back beyond. */
  #earlies(step: number): number {
    const board = this.#board
    let n = 0
    while (n < step && board.actorAt(step - n - 1) === ASIDE && board.kindAt(step - n - 1) === OP.early) n++
    return n
  }
}
