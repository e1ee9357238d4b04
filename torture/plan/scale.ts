/** The plan of `torture scale`: every row for every scenario and number of threads, several times, in turns. */
import type { ParamValue, PlannedInstance } from '../../results/schema.ts'
import type { ScenarioDescription } from '../bundle/manifest.ts'
import { UsageError } from '../errors.ts'
import type { ScaleRow } from '../scenario.ts'
import { MOST_THREADS, resolveParams, resolveThreads, type Wishes } from './params.ts'
import type { PlanBody } from './plan.ts'
import { deriveSeed } from './seed.ts'

export interface ScaleRequest {
  readonly seed: number
  readonly durationMs: number
  readonly threads: readonly number[]
  readonly params: Wishes
  readonly cpus: number
}

/** What one figure of the table is measured by. */
export interface Cell {
  readonly scenario: ScenarioDescription
  readonly row: ScaleRow
  readonly threads: number
  /** Names of its instances: the same measurement, repeated. */
  readonly instances: readonly string[]
}

/**
 * Each figure is measured so many times, for a share of the duration each, all figures taking turns: a machine that is
 * slow for a while is slow for all of them. What five repeats range over holds the median of all that might have been
 * made, with a probability of 1 - 2 / 2^5.
 */
export const REPEATS = 5
const HANG_AFTER_MS = 10_000

/** @throws UsageError where a scenario has no scale */
export function makeScalePlan(
  request: ScaleRequest,
  scenarios: readonly ScenarioDescription[],
): { readonly body: PlanBody; readonly cells: readonly Cell[] } {
  for (const scenario of scenarios)
    if (scenario.scale === undefined) {
      throw new UsageError(`${scenario.name} does not say how it scales: choose another scenario, or add scale to it`)
    }
  const rows = Math.max(...scenarios.map(({ scale }) => scale!.rows.length))
  const cells: Cell[] = []
  // Row by row, so that what is to be compared stands, and runs, together.
  for (let n = 0; n < rows; n++)
    for (const scenario of scenarios)
      for (const threads of request.threads) {
        const row = scenario.scale!.rows[n]
        if (row === undefined) continue
        const instances = Array.from({ length: REPEATS }, (_, k) => `${scenario.name}.${n + 1}x${threads}.${k + 1}`)
        cells.push({ scenario, row, threads, instances })
      }
  const instances = Array.from({ length: REPEATS }, (_, k) => cells.map(cell => planCell(request, cell, k))).flat()
  return {
    cells,
    body: {
      seed: request.seed,
      cpus: request.cpus,
      failFast: false,
      instances,
      batches: instances.map(({ name }) => [name]),
    },
  }
}

function planCell(
  request: ScaleRequest,
  { scenario, row, threads: swept, instances }: Cell,
  k: number,
): PlannedInstance {
  const counts = resolveThreads(scenario, new Map(), request.cpus).map(({ name, count }) => ({
    name,
    count: name === scenario.scale!.sweep ? swept : (row.threads?.[name] ?? count),
  }))
  const total = counts.reduce((sum, { count }) => sum + count, 0)
  if (total > MOST_THREADS) throw new UsageError(`${scenario.name}: ${total} threads are more than ${MOST_THREADS}`)
  const params: Record<string, ParamValue> = resolveParams(scenario, request.params, row.params)
  return {
    name: instances[k],
    scenario: scenario.name,
    module: scenario.module,
    mode: 'stress',
    seed: deriveSeed(request.seed, instances[k]),
    params,
    threads: counts,
    bugs: [],
    jitter: 'off',
    durationMs: Math.max(200, Math.round(request.durationMs / REPEATS)),
    hangAfterMs: HANG_AFTER_MS,
    maxMemory: 0,
    keepGoing: false,
    cpus: total,
    oversubscribed: total > request.cpus,
  }
}
