/** A guest that carries out one given schedule: it fails again, no longer fails, or does not fit the code any more. */
import { CLOCK, now } from '../guest/control.ts'
import type { FinishedMessage } from '../guest/messages.ts'
import { buildInterleaving, shortly } from './report/interleaving.ts'
import { ENDING, HEAD } from './schedule/board.ts'
import { parseSchedule } from './schedule/schedule.ts'
import { PATIENCE } from './schedule/spin.ts'
import { Tally } from './search/tally.ts'
import { PLACE } from './strategies/index.ts'
import type { Tools } from './tools.ts'

export async function replayOnce(tools: Tools, text: string): Promise<FinishedMessage> {
  const { execution, names, strategies, stay, reporter } = tools
  const { board } = execution
  const options = stay.instance.explore!
  const tally = new Tally(board, stay.instance)
  const schedule = parseSchedule(text, board.threads)
  const ops = schedule.ops ?? Array.from({ length: board.threads }, () => options.ops)
  strategies.replay.set(schedule.actors, { strict: true })
  const { clock } = stay.control
  clock[CLOCK.gateOpened] = now()
  const outcome = await execution.run({
    strategy: PLACE.replay,
    execution: 0,
    round: schedule.round,
    ops,
    burstOneIn: 0,
    focused: false,
    traced: true,
  })
  clock[CLOCK.rounds] = 1
  clock[CLOCK.worked] = now()
  tally.add('replay', PLACE.replay, outcome!)
  const shown = { board, names, traced: execution.traced, calls: execution.calls, schedule: text }
  const misfit = misfitOf(tools)
  if (outcome!.fault !== undefined) {
    const interleaving = buildInterleaving({ ...shown, fault: outcome!.fault })
    reporter.fail({ ...outcome!.fault, round: schedule.round, schedule: text, interleaving })
  } else if (misfit !== undefined) {
    const fault = { oracle: 'SCHEDULE', message: misfit, thread: names.threads[0] }
    reporter.fail({ ...fault, round: schedule.round, interleaving: buildInterleaving({ ...shown, fault }) })
  }
  return { type: 'finished', exploration: tally.conclude({ focus: [], patience: PATIENCE, ...strategies }) }
}

/** From which step on the schedule does not fit what the code does. */
function misfitOf({ execution: { board }, names, stay, strategies }: Tools): string | undefined {
  const expected = stay.instance.explore!.expected ?? []
  for (const [n, was] of expected.entries()) {
    const is = n < board.steps ? shortly(board, n, names) : 'the execution is over'
    if (is !== was) return `the schedule fits up to step ${n}: then it was ${was}, and now ${is}`
  }
  if (board.head[HEAD.ending] !== ENDING.misfit) return undefined
  return `the schedule fits up to step ${strategies.replay.misfitAt}: the thread that is to go next cannot`
}
