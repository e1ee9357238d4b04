/** Plans, results and finished runs that never ran: for whatever reads or shows them. */
import { combine } from '../../results/judge.ts'
import { type InstanceResult, type Plan, type PlannedInstance, type RunSummary, SCHEMA } from '../../results/schema.ts'
import { createRun, prepareInstance, type Run, toRunInstance, writeSummary, writeVerdict } from '../../results/store.ts'

export function instanceOf(name: string, more: Partial<PlannedInstance> = {}): PlannedInstance {
  const scenario = name.replace(/\.\d+$/, '')
  return {
    name,
    scenario,
    module: `scenarios/${scenario}.js`,
    mode: 'stress',
    seed: 7,
    params: { pages: 64 },
    threads: [
      { name: 'faulter', count: 2 },
      { name: 'mapper', count: 1 },
    ],
    bugs: [],
    jitter: 'low',
    durationMs: 10_000,
    hangAfterMs: 5000,
    maxMemory: 2 ** 31,
    keepGoing: false,
    cpus: 3,
    oversubscribed: false,
    ...more,
  }
}

export function planOf(
  names: readonly (string | PlannedInstance)[],
  more: Partial<Plan> = {},
): Omit<Plan, 'id' | 'schema'> {
  const instances = names.map(name => (typeof name === 'string' ? instanceOf(name) : name))
  return {
    torture: '0.1.0',
    argv: ['run', '-s', 'a'],
    command: 'run',
    createdAt: '2026-11-20T23:49:00.000Z',
    seed: 42,
    bundle: 'ab'.repeat(32),
    cpus: 4,
    failFast: false,
    instances,
    batches: instances.map(({ name }) => [name]),
    ...more,
  }
}

export function resultOf(name: string, more: Partial<InstanceResult> = {}): InstanceResult {
  const { scenario, seed, params, threads, bugs, jitter } = instanceOf(name)
  return {
    schema: SCHEMA,
    name,
    scenario,
    verdict: 'pass',
    by: 'guest',
    host: 'local',
    seed,
    params,
    threads,
    bugs,
    jitter,
    startedAt: '2026-11-20T23:49:01.000Z',
    durationMs: 10_000,
    cpuMs: 18_000,
    rounds: 10,
    counters: { faults: 13_100_000, 'faults.fallbackBusy': 13_100 },
    rates: { faults: 1_310_000, 'faults.fallbackBusy': 1310 },
    sites: {},
    nearMisses: {},
    availableCpus: 4,
    oversubscribed: false,
    blindSpots: ['weak memory: only what this CPU does was seen'],
    failures: [],
    ...more,
  }
}

export function failureOf(name: string, message: string, oracle = 'DATA'): Partial<InstanceResult> {
  const id = `${name}/failures/1`
  return { verdict: 'fail', failures: [{ id, oracle, message, count: 3, path: id }] }
}

/** A run on disk with these results; final unless instances are missing. */
export function storeRun(
  root: string,
  plan: Omit<Plan, 'id' | 'schema'>,
  results: readonly InstanceResult[],
): { readonly run: Run; readonly summary: RunSummary } {
  const run = createRun(root, plan)
  for (const result of results) writeVerdict(prepareInstance(run.dir, result.name), result)
  const missing = plan.instances.length - results.length
  const summary: RunSummary = {
    ...run.summary,
    instances: results.map(toRunInstance),
    startedAt: '2026-11-20T23:49:00.500Z',
    ...(missing === 0 && {
      finishedAt: '2026-11-20T23:49:12.500Z',
      ...combine(results.map(({ verdict }) => verdict)),
    }),
  }
  writeSummary(run.dir, summary)
  return { run, summary }
}
