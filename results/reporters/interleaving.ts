/**
 * An interleaving to be read: one line a step, one column a thread. On the line of a step the columns of the others are
 * empty, so its text may run on into them: a column need be no wider than it takes to tell it from its neighbours.
 */
import { fit, human, oneLine, shortened, width as widthOf, wrap } from '../format.ts'
import type { Interleaving } from '../schema.ts'
import { type Folded, fold } from './folded.ts'
import type { Palette } from './palette.ts'

type Step = Interleaving['steps'][number]

export interface InterleavingLook {
  /** Columns of the terminal. */
  readonly width: number
  readonly paint: Palette
}

/** Lines without colour where the palette has none; no line end after the last. */
export function renderInterleaving(interleaving: Interleaving, { width, paint }: InterleavingLook): string {
  const { steps, threads, ending, further = 0 } = interleaving
  const rows = rowsOf(interleaving)
  const layout = layoutOf(rows, threads, width)
  const lines = layout.column > 0 ? [headLine(threads, layout, paint)] : []
  if (steps.length > 0 && steps[0].step > 0)
    lines.push(paint('gray', `${' '.repeat(layout.margin)}the first ${human(steps[0].step)} steps are not stored`))
  rows.forEach((row, n) => {
    if (n > 0 && rows[n - 1].step.thread !== row.step.thread) lines.push(switchLine(rows[n - 1], row, layout, paint))
    lines.push(...callLines(row, row.step.before, layout, paint))
    lines.push(stepLine(row, layout, paint))
    if (row.repeats > 0) lines.push(repeatLine(row, layout, paint))
    lines.push(...callLines(row, row.step.after, layout, paint))
  })
  if (further > 0)
    lines.push(paint('gray', `${' '.repeat(layout.margin)}and so on for ${human(further)} further steps`))
  const { minimised } = interleaving
  lines.push('', ...ending.flatMap(text => wrap(shortened(text), width).map(line => paint('red', line))))
  if (minimised) lines.push(...wrap(minimisedText(minimised), width).map(line => paint('gray', line)))
  return lines.join('\n')
}

/** A line of a step. */
interface Row extends Folded {
  readonly name: string
  readonly text: string
  /** Who wrote what was read: `← step 12 adder[1]`, and shorter where there is no room. */
  readonly from: string
  readonly shortFrom: string
}

function rowsOf({ steps, threads }: Interleaving): Row[] {
  const writers = new Map(steps.map(({ step, thread }) => [step, thread]))
  const nameOf = (thread: number) => oneLine(threads[thread] ?? `thread ${thread}`)
  return fold(steps).map(folded => {
    const { step } = folded
    const writer = step.from === undefined ? undefined : writers.get(step.from)
    const foreign = writer !== undefined && writer !== step.thread && READS.has(step.op)
    return {
      ...folded,
      name: nameOf(step.thread),
      text: oneLine(textOf(step)),
      from: foreign ? `  ← step ${step.from} ${nameOf(writer)}` : '',
      shortFrom: foreign ? `  ← ${step.from}` : '',
    }
  })
}

/** What depends on what the cell held. */
const READS = new Set(['load', 'add', 'sub', 'and', 'or', 'xor', 'exchange', 'compareExchange', 'wait'])

function textOf({ op, cell, read = '?', wrote, result = '' }: Step): string {
  switch (op) {
    case 'start':
      return 'begins'
    case 'gate':
      return 'has opened'
    case 'load':
      return `load ${cell} → ${read}`
    case 'store':
      return `store ${cell} ← ${wrote}${late(result)}`
    case 'drain':
      return `${cell} ← ${wrote} reaches memory`
    case 'overtake':
      return `the next store to ${cell} overtakes the one before`
    case 'early':
      return `the next load of ${cell} finds an earlier value`
    case 'compareExchange':
      return `${op} ${cell} ${wrote === undefined ? `fails (is ${read})` : `${read} → ${wrote} ok`}${late(result)}`
    case 'wait':
      return `wait ${cell} (${result === 'not-equal' ? `is ${read}, not equal` : spaced(result)})`
    case 'wake':
      return `wake ${cell} ${result === 'ok' ? 'notified' : spaced(result)}`
    case 'notify':
    case 'clock':
      return `${op} ${op === 'clock' ? '' : `${cell} `}→ ${result}`
    default:
      return `${op} ${cell} ${read} → ${wrote ?? read}${late(result)}`
  }
}

const late = (result: string) => (result === 'delayed' ? ' (delayed)' : '')

const spaced = (result: string) => result.replace('timed-out', 'timed out')

interface Layout {
  readonly width: number
  /** Columns before the text of the first thread. */
  readonly margin: number
  /** From one thread's column to the next one's; 0: the thread is named on each line. */
  readonly column: number
  /** Number of the last column: what a file says of threads that it does not name goes there. */
  readonly last: number
  /** Of the names, where there is one on each line. */
  readonly names: number
  /** Where places in the source begin; the width where there is no room for them. */
  readonly places: number
}

const GAP = 2
/** Below this columns are no help. */
const LEAST_COLUMN = 8
const MOST_NAME = 20

function layoutOf(rows: readonly Row[], threads: readonly string[], width: number): Layout {
  const most = (lengths: readonly number[]) => Math.max(0, ...lengths)
  const margin = Math.max(4, String(rows.at(-1)?.step.step ?? 0).length) + GAP
  const long = most(rows.map(row => row.text.length + row.from.length)) + GAP
  const short = most(rows.map(row => row.text.length + row.shortFrom.length)) + GAP
  const place = most(rows.map(({ step }) => step.at?.length ?? 0))
  const name = Math.min(most(threads.map(thread => thread.length)), MOST_NAME) + GAP
  const least = Math.max(LEAST_COLUMN, Math.min(name, 14))
  const others = threads.length - 1
  const columnIn = (room: number, text: number) =>
    Math.min(text, Math.floor((room - margin - text) / Math.max(1, others)))
  const columns = [columnIn(width - place, long), columnIn(width - place, short), columnIn(width, short)]
  const column = columns.find(candidate => candidate >= least) ?? 0
  const names = column === 0 ? name : 0
  const fits = margin + names + others * column + short + place <= width
  return { width, margin, column, last: Math.max(0, others), names, places: place > 0 && fits ? width - place : width }
}

const numbered = (label: string, margin: number) => `${label.padStart(margin - GAP)}${' '.repeat(GAP)}`

function headLine(threads: readonly string[], { width, margin, column }: Layout, paint: Palette): string {
  const heads = threads.map((name, n) => {
    const room = n === threads.length - 1 ? width - margin - n * column : column - 1
    return paint('bold', fit(oneLine(name), room)) + ' '.repeat(Math.max(0, column - Math.min(widthOf(name), room)))
  })
  return `${paint('gray', numbered('step', margin))}${heads.join('').trimEnd()}`
}

function stepLine(row: Row, layout: Layout, paint: Palette): string {
  const { step, text } = row
  const start = startOf(row, layout)
  const room = layout.places - start - (layout.places < layout.width ? GAP : 0)
  const from = text.length + row.from.length <= room ? row.from : row.shortFrom
  const shown = fit(text + from, room)
  const painted = shown === text + from ? text + paint('cyan', from) : shown
  const head = paint('gray', numbered(String(step.step), layout.margin))
  const name = layout.column > 0 ? '' : fit(row.name, layout.names - GAP).padEnd(layout.names)
  const before = `${head}${name}${' '.repeat(start - layout.margin - name.length)}`
  const at = layout.places < layout.width && step.at !== undefined ? oneLine(step.at) : ''
  return at === ''
    ? before + painted
    : before + painted + ' '.repeat(layout.places - start - shown.length) + paint('gray', at)
}

/** Where the text of a thread begins. */
const startOf = ({ step }: Row, { margin, column, last, names }: Layout): number =>
  margin + (column > 0 ? Math.min(step.thread, last) * column : names)

/** Recorded calls that begin or end beside a step: brackets around the steps of their thread. */
function callLines(row: Row, events: Step['before'], layout: Layout, paint: Palette): string[] {
  const start = startOf(row, layout)
  const name = layout.column > 0 ? '' : fit(row.name, layout.names - GAP).padEnd(layout.names)
  const before = `${' '.repeat(layout.margin)}${name}${' '.repeat(start - layout.margin - name.length)}`
  return (events ?? []).map(event => `${before}${paint('bold', fit(oneLine(eventText(event)), layout.width - start))}`)
}

/** `┌ push(3)`, `└ push → true`, and `╶ peek() → 3` for a call without a step. */
function eventText({ begins, ends = '' }: NonNullable<Step['before']>[number]): string {
  if (begins === undefined) return `└ ${ends}`
  const returned = ends.indexOf(' → ')
  return ends === '' ? `┌ ${begins}` : `╶ ${begins}${returned < 0 ? '' : ends.slice(returned)}`
}

/** Between two threads: a rule where the one before could have gone on, otherwise a gap. */
function switchLine(before: Row, after: Row, layout: Layout, paint: Palette): string {
  if (!after.step.preempted) return ''
  const start = startOf(before, layout)
  const label = layout.column > 0 ? 'preempted' : `${before.name} preempted`
  const rule = (length: number) => '╌'.repeat(Math.max(0, length))
  const end = Math.min(layout.places, layout.width) - (layout.places < layout.width ? GAP : 0)
  const left = layout.column > 0 ? start - layout.margin : 0
  const lead = left === 0 ? '' : `${rule(left - 1)} `
  const room = end - layout.margin - lead.length
  const text = `${fit(label, room)} `
  return `${' '.repeat(layout.margin)}${paint('yellow', `${lead}${text}${rule(room - text.length)}`.trimEnd())}`
}

function repeatLine(row: Row, layout: Layout, paint: Palette): string {
  const what = row.period === 1 ? 'repeats' : `the last ${row.period} repeat`
  const text = `${what} ${human(row.repeats)} ${row.repeats === 1 ? 'time' : 'times'}`
  return `${paint('gray', numbered('⋮', layout.margin))}${' '.repeat(startOf(row, layout) - layout.margin)}${paint('gray', text)}`
}

function minimisedText({ strategy, executions, ...cost }: NonNullable<Interleaving['minimised']>): string {
  const was = `${human(cost.foundSteps)} steps and ${human(cost.foundSwitches)} switches`
  const is = `${human(cost.steps)} and ${human(cost.switches)}`
  const tried = `${human(cost.tried)} executions`
  const doubt = cost.minimal
    ? ''
    : ', which were not enough to try everything: it may hold steps that the failure does not need'
  return `found by ${strategy} in execution ${human(executions)}; minimised from ${was} to ${is} in ${tried}${doubt}`
}
