/** A step as the partial-order reduction wants it. */
import { type Board, STEP } from './board.ts'

/** What a step did, as the partial-order reduction wants it. */
export interface StepEffect {
  actor: number
  kind: number
  did: number
  address: number
  bytes: number
}

export const effectAt = (board: Board, step: number): StepEffect => ({
  actor: board.actorAt(step),
  kind: board.kindAt(step),
  did: board.didAt(step),
  address: board.at(step, STEP.address),
  bytes: board.bytesAt(step),
})
