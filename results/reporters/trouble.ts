/** What went wrong with instances, in the closing summary. */
import { resolve } from 'node:path'
import { duration, EXHIBIT, fit, human, oneLine, plural, shortened, shownPath, shownPlace } from '../format.ts'
import type { InstanceResult, Interleaving, PlannedInstance, Verdict } from '../schema.ts'
import { fold } from './folded.ts'
import { renderInterleaving } from './interleaving.ts'
import { INDENT, type Look, labelled } from './labelled.ts'
import { markOf } from './palette.ts'
import type { EndedRun } from './reporter.ts'

type Listed = InstanceResult['failures'][number]

const MOST_LISTED = 10
const MOST_FAILURES = 5

/** The instances that did not pass: why, and each of their failures with the folder that holds the evidence. */
export function troubleLines(instances: readonly PlannedInstance[], closing: EndedRun, look: Look): string[] {
  const results = instances.map(({ name }) => closing.results.get(name))
  // What a finding or a proof has made needless is no trouble.
  const settled = results.some(result => result?.exploration?.certificate !== undefined || result?.failures.length)
  const troubled = instances.filter(({ mode }, n) => {
    const verdict = results[n]?.verdict
    if (verdict === 'skipped' && mode === 'explore' && settled) return false
    return verdict !== undefined && verdict !== 'pass'
  })
  const drawn = new Set<string>()
  const lines = troubled.slice(0, MOST_LISTED).flatMap(({ name }) => {
    const result = closing.results.get(name)!
    const { verdict, reason, failures } = result
    const more = failures.length - MOST_FAILURES
    return [
      ...(instances.length === 1 ? [] : [instanceLine(result, look)]),
      // The reason of what a guest found itself only repeats its first failure.
      ...(result.by === 'guest' && failures.length > 0 ? [] : reasonLines(verdict, reason, look)),
      ...failures.slice(0, MOST_FAILURES).flatMap(failure => {
        // What several guests found is drawn once.
        const kind = `${failure.oracle}: ${failure.message}`.replace(/\d+/g, '#')
        const drawing = drawn.has(kind) ? [] : interleavingLines(closing.interleavings.get(failure.id), look)
        if (drawing.length > 0) drawn.add(kind)
        return [...failureLines(failure, closing, look, drawing.length > 0), ...drawing]
      }),
      ...(more > 0 ? labelled('', `and ${plural(more, 'further failure')}`, look) : []),
    ]
  })
  const more = troubled.length - MOST_LISTED
  if (more > 0) lines.push(...labelled('', `and ${more} more: torture report --format json`, look))
  return lines
}

function instanceLine({ name, verdict, seed, durationMs, host }: InstanceResult, { columns, paint }: Look): string {
  const { sign, colour } = markOf(verdict)
  const where = host === 'local' ? '' : ` on ${host}`
  return fit(
    `  ${paint(colour, `${sign} ${name}`)}  ${verdict} after ${duration(durationMs)}${where}, seed ${seed}`,
    columns,
  )
}

function reasonLines(verdict: Verdict, reason = 'no reason is recorded', look: Look): string[] {
  const { colour } = markOf(verdict)
  return labelled(verdict === 'inconclusive' ? 'why' : verdict, oneLine(reason), look, { label: colour })
}

/** Lines of an interleaving that is shown with its failure; a longer one is for `torture replay --trace`. */
const MOST_LINES = 60
export const isShort = (interleaving: Interleaving | undefined): boolean =>
  interleaving !== undefined && fold(interleaving.steps).length <= MOST_LINES

/** Where the lines of an interleaving end on a stream without columns. */
const WIDEST = 120

/** A short interleaving, between empty lines; none for a long one. */
export function interleavingLines(interleaving: Interleaving | undefined, { columns, paint }: Look): string[] {
  if (interleaving === undefined || !isShort(interleaving)) return []
  return ['', ...renderInterleaving(interleaving, { width: Math.min(columns, WIDEST), paint }).split('\n'), '']
}

/** Letters of a schedule that are shown: a longer one is for the file. */
const MOST_SCHEDULE = 300

/** @param drawn whether its interleaving follows, which says how it was found */
function failureLines(failure: Listed, run: EndedRun, look: Look, drawn: boolean): string[] {
  const { oracle, count, id, at, history = [], schedule, found } = failure
  // What a message shows on one line is drawn below it.
  const [said] = failure.message.split(EXHIBIT, 1)
  const message = history.length > 0 ? said : failure.message
  const times = count > 1 ? ` (${human(count)} times)` : ''
  const place = at === undefined ? [] : labelled('', shownPlace(at), look, { text: 'cyan' })
  const how =
    found === undefined || drawn ? '' : `found by ${found.strategy} after ${plural(found.executions, 'execution')}`
  const whole = schedule !== undefined && schedule.length <= MOST_SCHEDULE
  return [
    ...labelled(`${oracle} `, `${shortened(message, id)}${times}`, look, { label: 'red' }),
    ...history.slice(0, MOST_LINES).map(line => `${' '.repeat(INDENT)}${fit(line, look.columns - INDENT)}`),
    ...place,
    ...(whole ? labelled('', `schedule ${schedule}`, look, { text: 'bold' }) : []),
    ...(how === '' ? [] : labelled('', how, look)),
    // Whole, however narrow the terminal is: it is there to be copied.
    ...labelled('', shownPath(resolve(run.dir, id)), look, { text: 'cyan' }),
  ]
}
