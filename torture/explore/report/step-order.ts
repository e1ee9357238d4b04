/**
 * When recorded calls began and ended, under the scheduler: a call lasts from its thread's first step in it to the last
 * one. What a thread does before its first step only concerns itself, so it might as well have begun right then, and
 * likewise for its end. Nothing is added to the execution for it: who made which step is on the board. But where the
 * first step of a call is done matters to its history, so that is marked as such, and is never run through.
 */
import type { Interval } from '../../../lib/check/linearizability/history.ts'
import type { Stepped } from '../../guest/history/history.ts'
import type { Placement } from '../../guest/history/history-reader.ts'
import { steppedMarks } from '../../guest/history/recorder.ts'
import type { Stage } from '../control/stage.ts'
import { ACTOR, type Board } from '../schedule/board.ts'
import { DID, OP } from '../schedule/ops.ts'

type Memory = 'sc' | 'tso' | 'pso'

export const steppedBy = (stage: Stage, memory: Memory): Stepped => ({
  marks: (memory, row) => {
    const { board } = stage
    const begins = () => board.set(row, ACTOR.also, DID.begins)
    return steppedMarks(memory, row, { steps: () => board.of(row, ACTOR.steps), begins })
  },
  placement: placementOn(stage.board, memory),
})

/**
 * With store buffers a call lasts until its stores have reached memory, and where loads may be early as well, nothing but
 * the order of each thread's own calls is certain: a machine with such a memory keeps no more than that.
 */
const placementOn =
  (board: Board, memory: Memory): Placement =>
  moments =>
    moments.map((calls, thread) => {
      if (memory === 'pso') return calls.map(() => ({ start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY }))
      const at = stepsOf(board, thread)
      return calls.map(([begun, ended]): Interval => {
        // A call without a step of its own: anywhere between the steps before and after it.
        if (begun === ended) return { start: at[begun - 1] ?? -1, end: at[begun] ?? Number.POSITIVE_INFINITY }
        const end = at[ended - 1] ?? Number.POSITIVE_INFINITY
        return { start: at[begun] ?? board.steps, end: memory === 'tso' ? drained(board, thread, end) : end }
      })
    })

/** The steps of a thread among all steps. */
function stepsOf(board: Board, thread: number): number[] {
  const at: number[] = []
  for (let step = 0; step < board.steps; step++) if (board.actorAt(step) === thread) at.push(step)
  return at
}

/** The first step from `from` on after which none of the thread's stores is delayed. */
function drained(board: Board, thread: number, from: number): number {
  let delayed = 0
  for (let step = 0; step < board.steps; step++) {
    const actor = board.actorAt(step)
    if (actor === thread && (board.didAt(step) & DID.delay) !== 0) delayed++
    if (actor === board.threads + thread && board.kindAt(step) === OP.drain) delayed--
    if (step >= from && delayed === 0) return step
  }
  return Number.POSITIVE_INFINITY
}
