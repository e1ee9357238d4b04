/**
 * Preemptions in an execution of a weaker memory model: switches from a thread that could have gone on to another
 * thread, whatever reached memory in between. They are counted by what was done, not by what was decided: an operation
 * that waits for delayed stores lets them reach memory by itself, and where a replay was told to do that first it is a
 * decision. Schedules are compared by this number, so that it must be the same for the same steps.
 */
import { type Board, STEP } from '../schedule/board.ts'

export function preemptionsAmong(board: Board): number {
  let preemptions = 0
  let last = -1
  let couldGoOn = false
  for (let step = 0; step < board.steps; step++) {
    const actor = board.actorAt(step)
    if (step > 0 && board.actorAt(step - 1) === last) couldGoOn = (board.at(step, STEP.enabled) & (1 << last)) !== 0
    if (actor >= board.threads) continue
    if (last >= 0 && actor !== last && couldGoOn) preemptions++
    last = actor
  }
  return preemptions
}
