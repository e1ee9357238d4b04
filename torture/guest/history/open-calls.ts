/** What threads were in the middle of when nothing moved any more: the recorded call that never returned. */

import type { Seat } from '../load.ts'
import { CALL, type HistoryMemory, KIND, ROW } from './history-memory.ts'

/** `consumer[0] in dequeue(), call 3 of its round`: a line for each thread that is in a recorded call. */
export function openCalls(memory: HistoryMemory, operations: readonly string[], seats: readonly Seat[]): string[] {
  return seats.flatMap(({ thread, label }) => {
    for (let copy = 0; copy < memory.shape.copies; copy++) {
      const begun = Atomics.load(memory.words, memory.head(copy, thread) + ROW.begun)
      const at = begun === 0 ? -1 : memory.call(copy, thread, begun - 1)
      if (at < 0 || memory.doubles[at + CALL.kind] !== KIND.pending) continue
      const args = memory.doubles.subarray(at + CALL.arg, at + CALL.arg + memory.doubles[at + CALL.args])
      const name = operations[memory.doubles[at + CALL.operation]]
      const which = `call ${begun} of its round`
      return [`${label} in ${name}(${args.join(', ')}), ${which}`]
    }
    return []
  })
}
