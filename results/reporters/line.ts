/** One line for an instance that has ended. */
import { duration, fit, human, oneLine, plural } from '../format.ts'
import type { InstanceResult } from '../schema.ts'
import { mainCounter } from '../work.ts'
import { markOf, type Palette } from './palette.ts'

export function endedLine(result: InstanceResult, columns: number, paint: Palette): string {
  const { name, verdict, durationMs, counters, rates, rounds, failures, reason, host } = result
  const { sign, colour } = markOf(verdict)
  const main = mainCounter(counters)
  const work =
    main === undefined ? plural(rounds, 'round') : `${human(counters[main])} ${main} (${human(rates[main] ?? 0)}/s)`
  const first = failures[0]
  const why = first !== undefined ? `${first.oracle}: ${first.message}` : (reason ?? '')
  const where = host === 'local' ? '' : ` on ${host}`
  const head = `${paint(colour, `${sign} ${name}`)}  ${verdict} after ${duration(durationMs)}${where}`
  return fit(verdict === 'pass' ? `${head}  ${work}` : `${head}  ${oneLine(why)}`, columns)
}
