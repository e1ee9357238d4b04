/** The oracles at a round's end: `always`, `check`, graded outcomes and histories. All threads have returned, nothing moves. */

import type { Histories } from '../history/history.ts'
import { noRecorder } from '../history/recorder.ts'
import { faultOf } from '../report/report.ts'
import { isThenable } from '../thenable.ts'
import type { Participant } from './participant.ts'

const ASYNC_CHECK = 'check returned a promise: it must be synchronous, what it finds later counts for nothing'

/**
 * Judges one round on one copy of the state. Where a body threw only by its history: what it left half done is not news.
 * `always` is evaluated here only: under stress nobody can read several cells at one instant while threads run.
 */
export function checkRound(participant: Participant, copy: number, shared: unknown, round: number): void {
  if (!participant.values.threw(copy)) checkReturned(participant, copy, shared, round)
  // Last, since `check` may have called something; and whether a body threw or not: what it called may have happened.
  if (participant.histories !== undefined) judgeHistory(participant, participant.histories, copy, shared, round)
}

function judgeHistory(
  participant: Participant,
  histories: Histories,
  copy: number,
  shared: unknown,
  round: number,
): void {
  try {
    const fault = histories.judge(copy)
    if (fault !== undefined) participant.failed(fault, shared, 'history', round)
  } catch (error) {
    participant.failed(faultOf(error, 'history'), shared, 'history', round)
  }
}

function checkReturned(participant: Participant, copy: number, shared: unknown, round: number): void {
  const { scenario } = participant
  if (scenario.always !== undefined && !alwaysHolds(participant, shared, round)) return
  if (scenario.check !== undefined) checkState(participant, copy, shared, round)
  if (participant.grading !== undefined) gradeOutcome(participant, copy, shared, round)
}

function gradeOutcome(participant: Participant, copy: number, shared: unknown, round: number): void {
  const { scenario, instance, values, grading } = participant
  try {
    const fault = grading?.take(values, copy, scenario.final?.({ shared, params: instance.params }))
    if (fault !== undefined) participant.failed({ oracle: 'outcome', message: fault }, shared, 'outcome', round)
  } catch (error) {
    participant.failed(faultOf(error, 'final'), shared, 'final', round)
  }
}

function alwaysHolds(participant: Participant, shared: unknown, round: number): boolean {
  const { scenario, instance } = participant
  try {
    scenario.always?.({ shared, params: instance.params })
    return true
  } catch (error) {
    participant.failed(faultOf(error, 'always'), shared, 'always', round)
    return false
  }
}

function checkState(participant: Participant, copy: number, shared: unknown, round: number): void {
  const { scenario, instance, seats, values, reporter, near, histories } = participant
  const { count } = reporter
  const { call, ret } = histories?.checkRecorder ?? noRecorder
  histories?.checkRecorder.begin(copy)
  const threads: Record<string, unknown[]> = {}
  for (const { body, thread } of seats) {
    threads[body] ??= []
    threads[body].push(values.get(copy, thread))
  }
  try {
    const result: unknown = scenario.check?.({ shared, params: instance.params, threads, count, near, call, ret })
    if (isThenable(result)) {
      // Nobody is going to hear what it says in the end.
      Promise.resolve(result).catch(() => {})
      participant.failed({ oracle: 'check', message: ASYNC_CHECK }, shared, 'check', round)
    }
  } catch (error) {
    participant.failed(faultOf(error, 'check'), shared, 'check', round)
  }
}
