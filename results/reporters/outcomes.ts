/** The outcomes of a litmus test as a table: what was seen, how often, and what that says. */
import { human, oneLine, percent, sum, width } from '../format.ts'
import type { InstanceResult, OutcomeTable } from '../schema.ts'
import { table } from '../table.ts'
import { INDENT, type Look } from './labelled.ts'
import type { Colour } from './palette.ts'

type Row = OutcomeTable['rows'][number]

/** An interesting outcome that is seen less often is rare: a short run may well miss it. */
const RARE = 1e-3

/** The outcomes of instances that differ in their seeds only, as one table; undefined: they have none. */
export function outcomesOf(results: readonly InstanceResult[]): OutcomeTable | undefined {
  const tables = results.flatMap(({ outcomes }) => outcomes ?? [])
  if (tables.length === 0) return undefined
  const rows = new Map<string, Row>()
  for (const row of tables.flatMap(one => one.rows)) {
    const known = rows.get(row.outcome)
    rows.set(row.outcome, known === undefined ? row : { ...known, count: known.count + row.count })
  }
  const total = Math.max(1, sum([...rows.values()].map(({ count }) => count)))
  return { ...tables[0], rows: [...rows.values()].map(row => ({ ...row, share: row.count / total })) }
}

/**
 * Lines of the closing summary.
 * @param explores what is counted are executions then, and their shares say nothing
 */
export function outcomeLines(results: readonly InstanceResult[], explores: boolean, look: Look): string[] {
  const outcomes = outcomesOf(results)
  if (outcomes === undefined || outcomes.rows.every(({ count }) => count === 0)) return []
  const { rows, observes, arch } = outcomes
  const heads = headsOf(outcomes)
  const head = ['', ...heads, 'times', ...(explores ? [] : ['share']), 'grade', `on ${arch}`]
  const cells = rows.map(row => {
    const { sign, colour } = markOf(row)
    const keys = observes?.length === heads.length ? keysOf(row.outcome, heads.length) : [row.outcome]
    const share = explores ? [] : [row.count === 0 ? '' : percent(row.share)]
    const seen = [sign, ...keys, row.count === 0 ? 'never' : human(row.count), ...share, gradeText(row)]
    return [...seen.map(cell => look.paint(colour, cell)), oneLine(row.why)]
  })
  const right = new Set([heads.length + 1, ...(explores ? [] : [heads.length + 2])])
  const lines = aligned([head.map(word => look.paint('gray', word)), ...cells], right, look)
  return labelledBlock('outcomes', lines, look)
}

/** What the numbers of a key are: a column each where the scenario says so and all keys fit that. */
export function headsOf({ observes, rows }: OutcomeTable): readonly string[] {
  const fits = observes !== undefined && rows.every(({ outcome }) => outcome.split(',').length === observes.length)
  return fits ? observes : ['outcome']
}

const keysOf = (outcome: string, columns: number): string[] => (columns === 1 ? [outcome] : outcome.split(','))

function gradeText({ grade, count, share }: Row): string {
  return grade === 'interesting' && count > 0 && share < RARE ? 'interesting, rare' : grade
}

/** What was never seen stands back, whatever its grade. */
export function markOf({ grade, count }: Row): { readonly sign: string; readonly colour: Colour } {
  if (count === 0) return { sign: ' ', colour: 'gray' }
  if (grade === 'acceptable') return { sign: '✔', colour: 'green' }
  return grade === 'interesting' ? { sign: '!', colour: 'yellow' } : { sign: '✖', colour: 'red' }
}

/** Rows as lines beside a label. @param right columns of figures, which end together */
export function aligned(
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number>,
  { columns }: Look,
): readonly string[] {
  const widths = rows[0].map((_, n) => Math.max(...rows.map(row => width(row[n]))))
  const padded = rows.map(row =>
    row.map((cell, n) => (right.has(n) ? ' '.repeat(widths[n] - width(cell)) + cell : cell)),
  )
  return table(padded, columns - INDENT)
}

/** A label, and lines beside it as they are. */
export function labelledBlock(label: string, lines: readonly string[], { paint }: Look): string[] {
  return lines.map((line, n) => {
    const head = `  ${n === 0 ? label : ''}`.padEnd(INDENT)
    return `${paint('gray', head)}${line}`.trimEnd()
  })
}
