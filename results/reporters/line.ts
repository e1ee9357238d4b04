/** One line for an instance that has ended. */
import { duration, fit, human, oneLine, shortened, shownPlace } from '../format.ts'
import type { InstanceResult, PlannedInstance } from '../schema.ts'
import { answerOf } from '../trials.ts'
import { mainWork } from '../work.ts'
import { markOf, type Palette } from './palette.ts'

/** @param planned as which it ran: on trial it is told whether the bug was caught */
export function endedLine(result: InstanceResult, columns: number, paint: Palette, planned?: PlannedInstance): string {
  if (planned?.trial !== undefined) {
    const { verdict, text } = answerOf(planned, result)
    const { sign, colour } = markOf(verdict)
    return fit(`${paint(colour, `${sign} ${result.name}`)}  ${text}`, columns)
  }
  const { name, verdict, durationMs, failures, reason, host } = result
  const { sign, colour } = markOf(verdict)
  const main = mainWork(result, result.exploration !== undefined)
  const rate = durationMs > 0 ? ` (${human((main.n * 1000) / durationMs)}/s)` : ''
  const work = `${human(main.n)} ${main.name}${rate}`
  const first = failures[0]
  const place = first?.at === undefined ? '' : ` at ${shownPlace(first.at)}`
  const why =
    first !== undefined ? `${first.oracle}: ${shortened(first.message, first.id)}${place}` : oneLine(reason ?? '')
  const where = host === 'local' ? '' : ` on ${host}`
  const head = `${paint(colour, `${sign} ${name}`)}  ${verdict} after ${duration(durationMs)}${where}`
  return fit(verdict === 'pass' ? `${head}  ${work}` : `${head}  ${why}`, columns)
}
