/** Run after run, with a line of progress for each. */
import { median } from '../finding.ts'
import type { ListedBug, Torture } from './command.ts'

const BUG_SECONDS = 20
const CLEAN_SECONDS = 2

export interface BugRow {
  readonly bug: ListedBug
  readonly runs: number
  readonly caught: number
  /** Times to detect it, ms of work; of those runs that caught it. */
  readonly detectedMs: readonly number[]
  /** Passes of the bug's window until then. */
  readonly windows: readonly number[]
  /** How often each oracle was the first to speak. */
  readonly oracles: Readonly<Record<string, number>>
  readonly missedSeeds: readonly number[]
}

export interface CleanRow {
  readonly scenario: string
  readonly runs: number
  readonly passed: number
  /** Why the others did not pass. */
  readonly reasons: readonly string[]
}

/** The scenario that the bug is shown with, once for each seed. */
export async function runsOfBug(
  torture: Torture,
  bug: ListedBug,
  seeds: number,
  say: (line: string) => void,
): Promise<BugRow> {
  const [scenario] = bug.scenarios
  const named = new Set(bug.oracle.split('|'))
  const detectedMs: number[] = []
  const windows: number[] = []
  const missedSeeds: number[] = []
  const oracles: Record<string, number> = {}
  for (let seed = 1; seed <= seeds; seed++) {
    const args = [
      '-s',
      scenario,
      '--bug',
      bug.id,
      '--duration',
      `${BUG_SECONDS}s`,
      '--seed',
      String(seed),
      '--fail-fast',
    ]
    const { exitCode, instances, said } = await torture.run(args)
    const [instance] = instances
    const first = instance?.failures.toSorted((a, b) => a.atMs - b.atMs).at(0)
    const passes = (instance?.planned.windows ?? []).reduce((sum, name) => sum + (instance.result.sites[name] ?? 0), 0)
    const caught = exitCode === 1 && first !== undefined && named.has(first.oracle)
    if (first !== undefined) oracles[first.oracle] = (oracles[first.oracle] ?? 0) + 1
    if (caught) {
      detectedMs.push(first.atMs)
      windows.push(passes)
    } else missedSeeds.push(seed)
    const how = first === undefined ? `exit ${exitCode}` : `${first.oracle} after ${(first.atMs / 1000).toFixed(1)} s`
    say(`${bug.id} in ${scenario}, seed ${seed}: ${caught ? 'caught' : 'NOT CAUGHT'}, ${how}`)
    if (!caught && instance === undefined) say(said)
  }
  return { bug, runs: seeds, caught: detectedMs.length, detectedMs, windows, oracles, missedSeeds }
}

/** All scenarios as they are, side by side or one after the other as the command sees fit. */
export async function runsWithoutBug(
  torture: Torture,
  scenarios: readonly string[],
  runs: number,
  say: (line: string) => void,
): Promise<CleanRow[]> {
  const passed = new Map(scenarios.map(name => [name, 0]))
  const reasons = new Map<string, string[]>(scenarios.map(name => [name, []]))
  for (let n = 1; n <= runs; n++) {
    const args = ['-s', scenarios.join(','), '--duration', `${CLEAN_SECONDS}s`, '--seed', String(n)]
    const { exitCode, instances, said } = await torture.run(args)
    for (const name of scenarios) {
      const result = instances.find(it => it.result.scenario === name)?.result
      if (result?.verdict === 'pass') passed.set(name, passed.get(name)! + 1)
      else
        reasons.get(name)!.push(`seed ${n}: ${result?.verdict ?? 'no result'}, ${result?.reason ?? `exit ${exitCode}`}`)
    }
    const verdicts = instances.map(({ result }) => `${result.scenario} ${result.verdict}`).join(', ')
    say(`run ${n} of ${runs}: ${verdicts || said}`)
  }
  return scenarios.map(scenario => ({ scenario, runs, passed: passed.get(scenario)!, reasons: reasons.get(scenario)! }))
}

export const middle = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : median(values)
