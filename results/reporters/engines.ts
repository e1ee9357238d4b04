/** Engines side by side: how a scenario did under each, as a table with a column an engine. */
import { human, percent, sum } from '../format.ts'
import type { InstanceResult, Plan, PlannedInstance } from '../schema.ts'
import { addCounters, mainWork } from '../work.ts'
import type { Look } from './labelled.ts'
import { aligned, headsOf, labelledBlock, markOf, outcomesOf } from './outcomes.ts'
import type { Colour } from './palette.ts'
import { markOf as markOfVerdict } from './palette.ts'
import type { EndedRun } from './reporter.ts'

interface Column {
  readonly engine: string
  readonly results: readonly InstanceResult[]
}

/** Whether a plan compares engines. */
export const comparesEngines = ({ instances }: Pick<Plan, 'instances'>): boolean =>
  new Set(instances.map(({ engine }) => engine)).size > 1

/** The tables of all scenarios; none where there is one engine only. */
export function engineLines({ plan, results }: Pick<EndedRun, 'plan' | 'results'>, look: Look): string[] {
  if (!comparesEngines(plan)) return []
  const scenarios = new Map<string, PlannedInstance[]>()
  for (const instance of plan.instances) {
    const known = scenarios.get(instance.scenario)
    if (known === undefined) scenarios.set(instance.scenario, [instance])
    else known.push(instance)
  }
  return [...scenarios].flatMap(([scenario, instances]) => [
    look.paint('bold', `${scenario} by engine`),
    ...scenarioLines(instances, results, look),
    '',
  ])
}

function scenarioLines(
  instances: readonly PlannedInstance[],
  results: ReadonlyMap<string, InstanceResult>,
  look: Look,
): string[] {
  const engines = [...new Set(instances.map(({ engine = 'default' }) => engine))]
  const columns: Column[] = engines.map(engine => ({
    engine,
    results: instances
      .filter(instance => (instance.engine ?? 'default') === engine)
      .flatMap(({ name }) => results.get(name) ?? []),
  }))
  const explores = instances.some(({ mode }) => mode === 'explore')
  const rows = [
    ['', '', ...engines].map(cell => look.paint('gray', cell)),
    verdictRow(columns, look),
    rateRow(columns, explores),
    ...outcomeRows(columns, explores, look),
  ]
  const figures = new Set(engines.map((_, n) => n + 2))
  return labelledBlock('', aligned(rows, figures, look), look)
}

/** The worst verdict comes first in the order in which they are combined. */
const WORST = ['fail', 'hang', 'crash', 'lost', 'inconclusive', 'pass', 'skipped'] as const

function verdictRow(columns: readonly Column[], { paint }: Look): string[] {
  const cells = columns.map(({ results }) => {
    const verdict = WORST.find(one => results.some(result => result.verdict === one))
    return paint(markOfVerdict(verdict).colour, verdict ?? 'never finished')
  })
  return ['', 'verdict', ...cells]
}

function rateRow(columns: readonly Column[], explores: boolean): string[] {
  const rates = columns.map(({ results }) => {
    const counters = addCounters(results.map(result => result.counters))
    const { name, n } = mainWork({ counters, rounds: sum(results.map(({ rounds }) => rounds)) }, explores)
    const seconds = sum(results.map(({ durationMs }) => durationMs)) / 1000
    return { name, rate: seconds > 0 ? human(n / seconds) : '–' }
  })
  return ['', `${rates[0].name}/s`, ...rates.map(({ rate }) => rate)]
}

/** A row an outcome: its share of the rounds; of executions, how many. */
function outcomeRows(columns: readonly Column[], explores: boolean, { paint }: Look): string[][] {
  const tables = columns.map(({ results }) => outcomesOf(results))
  const known = tables.flatMap(one => (one === undefined ? [] : [one]))
  if (known.length === 0) return []
  const head = headsOf(known[0]).join(',')
  const keys = [...new Set(known.flatMap(({ rows }) => rows.map(({ outcome }) => outcome)))]
  const rows = keys.map(key => {
    const found = tables.map(one => one?.rows.find(({ outcome }) => outcome === key))
    const seen = found.flatMap(row => (row === undefined || row.count === 0 ? [] : [row]))
    const { sign, colour } = seen.length === 0 ? { sign: ' ', colour: 'gray' as Colour } : markOf(seen[0])
    const grade = found.find(row => row !== undefined)!.grade
    const cells = found.map(row => {
      if (row === undefined || row.count === 0) return paint('gray', '–')
      return paint(colour, explores ? human(row.count) : percent(row.share))
    })
    return [paint(colour, sign), paint(colour, `${key} ${grade}`), ...cells]
  })
  return [['', paint('gray', head), ...columns.map(() => '')], ...rows]
}
