/** The shared memory of an exploration: made by the guest's main thread, the same in all its workers. */
import { BOARD_BYTES, batonBytes, focusBytes, MOST_STEPS, spanOf } from './sizes.ts'

/** There before anything of the scenario is: what is made of it never changes, and is constant to the compiler. */
export interface ExplorerMemory {
  readonly board: SharedArrayBuffer
  readonly baton: SharedArrayBuffer
  /** The schedule that is being replayed, and the beginnings that the systematic searches prescribe. */
  readonly wanted: SharedArrayBuffer
  readonly prefix: SharedArrayBuffer
  readonly bounded: SharedArrayBuffer
  readonly fault: SharedArrayBuffer
}

const FAULT_BYTES = 256 * 1024

/** There when it is known which cells there are. */
export interface FocusMemory {
  readonly focus: SharedArrayBuffer
  /** Cells that were touched near the sites of a hint. */
  readonly hinted: SharedArrayBuffer
}

export function explorerMemory(threads: number): ExplorerMemory {
  return {
    board: new SharedArrayBuffer(BOARD_BYTES),
    baton: new SharedArrayBuffer(batonBytes(threads)),
    wanted: new SharedArrayBuffer(4 * (MOST_STEPS + 64)),
    prefix: new SharedArrayBuffer(4 * (MOST_STEPS + 64)),
    bounded: new SharedArrayBuffer(4 * (MOST_STEPS + 64)),
    fault: new SharedArrayBuffer(FAULT_BYTES),
  }
}

export function focusMemory(buffers: readonly SharedArrayBuffer[]): FocusMemory {
  const bytes = focusBytes(spanOf(buffers))
  return { focus: new SharedArrayBuffer(bytes), hinted: new SharedArrayBuffer(bytes) }
}
