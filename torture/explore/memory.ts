/** The shared memory of an exploration: made by the guest's main thread, the same in all its workers. */
import { BOARD_BYTES, batonBytes, focusBytes, MOST_STEPS, spanOf } from './sizes.ts'

export interface ExplorerMemory {
  readonly board: SharedArrayBuffer
  readonly baton: SharedArrayBuffer
  readonly focus: SharedArrayBuffer
  /** Cells that were touched near the sites of a hint. */
  readonly hinted: SharedArrayBuffer
  /** The schedule that is being replayed, and the beginnings that the systematic searches prescribe. */
  readonly wanted: SharedArrayBuffer
  readonly prefix: SharedArrayBuffer
  readonly bounded: SharedArrayBuffer
  readonly fault: SharedArrayBuffer
}

const FAULT_BYTES = 256 * 1024

export function explorerMemory(threads: number, buffers: readonly SharedArrayBuffer[]): ExplorerMemory {
  const span = spanOf(buffers)
  return {
    board: new SharedArrayBuffer(BOARD_BYTES),
    baton: new SharedArrayBuffer(batonBytes(threads)),
    focus: new SharedArrayBuffer(focusBytes(span)),
    hinted: new SharedArrayBuffer(focusBytes(span)),
    wanted: new SharedArrayBuffer(4 * (MOST_STEPS + 64)),
    prefix: new SharedArrayBuffer(4 * (MOST_STEPS + 64)),
    bounded: new SharedArrayBuffer(4 * (MOST_STEPS + 64)),
    fault: new SharedArrayBuffer(FAULT_BYTES),
  }
}
