/** Outcome tables and engines side by side, in the closing summary. */
import { stripVTControlCharacters } from 'node:util'
import t from 'tap'
import { closingLines } from '../results/reporters/closing.ts'
import { plainPalette } from '../results/reporters/palette.ts'
import { type InstanceResult, type OutcomeTable, type PlannedInstance, SCHEMA } from '../results/schema.ts'
import { instanceOf, planOf, resultOf } from './helpers/results.ts'

type Counts = readonly [key: string, count: number, grade: OutcomeTable['rows'][number]['grade']][]

function tableOf(counts: Counts, more: Partial<OutcomeTable> = {}): OutcomeTable {
  const total = counts.reduce((sum, [, n]) => sum + n, 0)
  const rows = counts.map(([outcome, count, grade]) => ({
    outcome,
    count,
    share: count / total,
    grade,
    why: 'because',
  }))
  return { arch: 'x64', rows, ...more }
}

function summaryOf(instances: readonly PlannedInstance[], results: readonly InstanceResult[]): string {
  const plan = { ...planOf(instances), schema: SCHEMA, id: '2026.11.20-23.49.00' } as const
  const { seed, bundle, argv, id } = plan
  const runner = { pid: 1, host: 'h' }
  const summary = { schema: SCHEMA, id, seed, bundle, argv, runner, startedAt: plan.createdAt, instances: [] } as const
  const closing = {
    plan,
    summary,
    results: new Map(results.map(result => [result.name, result])),
    interleavings: new Map(),
    dir: '/r/x',
    last: true,
  }
  const lines = closingLines(closing, { columns: Number.POSITIVE_INFINITY, paint: plainPalette })
  return stripVTControlCharacters(lines.join('\n'))
}

const SB: Counts = [
  ['0,0', 1, 'interesting'],
  ['0,1', 4999, 'acceptable'],
  ['1,0', 5000, 'acceptable'],
  ['1,1', 0, 'acceptable'],
]

t.test('a column a number where they are named; what is rare is marked, what was never seen says so', async t => {
  const result = resultOf('sb.1', { outcomes: tableOf(SB, { observes: ['left: y', 'right: x'] }) })
  const text = summaryOf([instanceOf('sb.1')], [result])
  t.match(text, /outcomes +left: y +right: x +times +share +grade +on x64\n/)
  t.match(text, /! +0 +0 +1 +0\.01% +interesting, rare +because\n/)
  t.match(text, /✔ +0 +1 +5.00 k +50.0% +acceptable +because\n/)
  t.match(text, / {4}1 +1 +never +acceptable +because\n/)
})

t.test('without names the key stands as it is; what is forbidden or not listed stands out', async t => {
  const counts: Counts = [
    ['0,0', 2, 'forbidden'],
    ['7,7,7', 2, 'unlisted'],
  ]
  const text = summaryOf([instanceOf('sb.1')], [resultOf('sb.1', { outcomes: tableOf(counts, { observes: ['x'] }) })])
  t.match(text, /outcomes +outcome +times/)
  t.match(text, /✖ +0,0 +2 +50.0% +forbidden/)
  t.match(text, /✖ +7,7,7 +2 +50.0% +unlisted/)
})

t.test('repetitions are one table, and executions have no share', async t => {
  const names = ['sb.1', 'sb.2']
  const both = names.map(name => resultOf(name, { outcomes: tableOf(SB) }))
  t.match(
    summaryOf(
      names.map(name => instanceOf(name)),
      both,
    ),
    /0,1 +10.0 k +50.0%/,
  )
  const explored = names.map(name => instanceOf(name, { mode: 'explore' }))
  t.match(summaryOf(explored, both), /outcome +times +grade/)
})

t.test('engines stand side by side, and their outcomes nowhere else', async t => {
  const engines = ['default', 'jitless']
  const instances = engines.map(engine => instanceOf(`sb.${engine}.1`, { scenario: 'sb', engine }))
  const results = [
    resultOf('sb.default.1', { outcomes: tableOf(SB), rounds: 20_000, durationMs: 1000, counters: {} }),
    resultOf('sb.jitless.1', {
      verdict: 'fail',
      outcomes: tableOf([
        ['0,0', 0, 'interesting'],
        ['0,1', 10, 'acceptable'],
        ['9', 10, 'unlisted'],
      ]),
      rounds: 20,
      durationMs: 1000,
      counters: {},
    }),
  ]
  const text = summaryOf(instances, results)
  t.match(text, /sb by engine\n +default +jitless\n +verdict +pass +fail\n +rounds\/s +20.0 k +20\n/)
  t.match(text, /! +0,0 interesting +0.01% +–\n/)
  t.match(text, /✖ +9 unlisted +– +50.0%/)
  t.notMatch(text, /^ +outcomes/m)
})
