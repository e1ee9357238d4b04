/** The table of `torture bugs`: which bugs are caught, by what, how soon. */
import { human, width } from '../format.ts'
import { table } from '../table.ts'
import { type BugRow, bugRows } from '../trials.ts'
import { type Look, labelled } from './labelled.ts'
import { type Mark, markOf, type Palette } from './palette.ts'
import type { EndedRun } from './reporter.ts'

const MOST_LISTED = 20

/** The table, what it counts, and what kept bugs from being caught. */
export function trialLines({ plan, results }: EndedRun, look: Look): string[] {
  const rows = bugRows(plan, results)
  const problems = rows.flatMap(row => row.problems)
  const lines = [...bugTable(rows, look), '', ...legend(rows, look)]
  if (problems.length > 0) lines.push('')
  for (const { instance, seed, verdict, text } of problems.slice(0, MOST_LISTED)) {
    const { colour, sign } = markOf(verdict)
    lines.push(...labelled(sign, `${instance}, seed ${seed}: ${text}`, look, { label: colour }))
  }
  if (problems.length > MOST_LISTED)
    lines.push(...labelled('', `and ${problems.length - MOST_LISTED} more: torture report --format json`, look))
  return lines
}

/** What matters less comes later: a narrow terminal cuts it off. */
const HEAD = ['', 'bug', 'hard', 'in', 'caught', 'clean', 'by', 'median', 'worst', 'windows']
/** Columns of figures, which end together. */
const RIGHT = new Set(['median', 'worst', 'windows'].map(word => HEAD.indexOf(word)))

function bugTable(rows: readonly BugRow[], { columns, paint }: Look): string[] {
  const lines = [HEAD.map(word => paint('gray', word)), ...rows.map(row => cellsOf(row, paint))]
  const widths = HEAD.map((_, n) => Math.max(...lines.map(line => width(line[n]))))
  const aligned = lines.map(line =>
    line.map((cell, n) => (RIGHT.has(n) ? ' '.repeat(widths[n] - width(cell)) + cell : cell)),
  )
  return table(aligned, columns)
}

function cellsOf(row: BugRow, paint: Palette): string[] {
  const { bug, hardness, scenario, mode, caught, tries, medianMs, worstMs, windows, clean, controls } = row
  const { sign, colour } = MARKS[row.verdict]
  const of = (n: number, all: number) => (all === 0 ? '–' : `${n}/${all}`)
  return [
    paint(colour, sign),
    paint('bold', bug),
    hardness,
    mode === 'explore' ? `${scenario}, explored` : scenario,
    paint(colour, tries === 0 ? 'not tried' : of(caught, tries)),
    paint(clean < controls ? 'red' : 'gray', of(clean, controls)),
    spoken(row) || '–',
    seconds(medianMs),
    seconds(worstMs),
    windows === null ? '–' : human(windows),
  ]
}

/** `FREE 2, TLB`: how often each was first, unless it always was; in brackets what the bug does not name. */
function spoken({ oracles, others, tries }: BugRow): string {
  const times = ([oracle, n]: [string, number]) => (n === tries ? oracle : `${oracle} ${n}`)
  const most = (counts: Readonly<Record<string, number>>) => Object.entries(counts).sort(([, a], [, b]) => b - a)
  return [...most(oracles).map(times), ...most(others).map(entry => `(${times(entry)})`)].join(', ')
}

const seconds = (ms: number | null) => (ms === null ? '–' : `${(ms / 1000).toFixed(2)} s`)

const MARKS: Readonly<Record<BugRow['verdict'], Mark>> = {
  caught: markOf('pass'),
  escaped: markOf('fail'),
  'false alarm': markOf('fail'),
  'not tried': markOf('skipped'),
}

/** What is counted; of the rest only what the table holds. */
function legend(rows: readonly BugRow[], look: Look): string[] {
  const explored = rows.some(({ mode }) => mode === 'explore')
  const hangs = rows.some(({ oracles }) => oracles.HANG !== undefined)
  const strangers = rows.some(({ others }) => Object.keys(others).length > 0)
  const controls = rows.some(row => row.controls > 0)
  const time = "of the threads' work, from the opening of the first round's gate to the first failure"
  const parts: [word: string, text: string | false][] = [
    ['clean', controls && 'the same without the bug: seeds, parameters, delays, and at least the time'],
    ['by', 'the oracle that spoke first'],
    ['(by)', strangers && 'does not count: the bug does not name it, or its window was never entered'],
    [
      'median',
      `${time}${hangs ? '; --hang-after of it for a HANG' : ''}${explored ? '; explored: until its schedule is small' : ''}`,
    ],
    ['windows', "how often the bug's site was passed until then, the median"],
  ]
  return parts.flatMap(([word, text]) => (text === false ? [] : labelled(word, text, look)))
}

/** `9 of 10 bugs caught, 1 escaped`. */
export function trialTally({ plan, results }: Pick<EndedRun, 'plan' | 'results'>): string {
  const rows = bugRows(plan, results)
  const of = (verdict: BugRow['verdict']) => rows.filter(row => row.verdict === verdict).length
  const parts = (['escaped', 'false alarm', 'not tried'] as const).flatMap(verdict =>
    of(verdict) === 0 ? [] : `${of(verdict)} ${verdict}${verdict === 'false alarm' && of(verdict) > 1 ? 's' : ''}`,
  )
  return [`${of('caught')} of ${rows.length} ${rows.length === 1 ? 'bug' : 'bugs'} caught`, ...parts].join(', ')
}
