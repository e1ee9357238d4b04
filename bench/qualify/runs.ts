/** Run after run, with a line of progress for each. */
import type { BugRow } from '../../results/trials.ts'
import type { ListedBug, Torture } from './command.ts'

const CLEAN_SECONDS = 2

export interface CleanRow {
  readonly scenario: string
  readonly runs: number
  readonly passed: number
  /** Why the others did not pass. */
  readonly reasons: readonly string[]
}

/** A bug with so many seeds; undefined where the command has no answer. */
export async function triesOf(
  torture: Torture,
  { id }: ListedBug,
  times: number,
  say: (line: string) => void,
): Promise<BugRow | undefined> {
  const row = await torture.bugs(id, times)
  if (typeof row === 'string') {
    say(`${id}: NO ANSWER\n${row}`)
    return undefined
  }
  const { verdict, caught, tries, clean, controls, problems } = row
  say(`${id}: ${verdict.toUpperCase()}, ${caught} of ${tries} tries, ${clean} of ${controls} clean without it`)
  for (const { instance, text } of problems) say(`  ${instance}: ${text}`)
  return row
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
    const { exitCode, results, said } = await torture.run(args)
    for (const name of scenarios) {
      const result = results.find(({ scenario }) => scenario === name)
      if (result?.verdict === 'pass') passed.set(name, passed.get(name)! + 1)
      else
        reasons.get(name)!.push(`seed ${n}: ${result?.verdict ?? 'no result'}, ${result?.reason ?? `exit ${exitCode}`}`)
    }
    const verdicts = results.map(({ scenario, verdict }) => `${scenario} ${verdict}`).join(', ')
    say(`run ${n} of ${runs}: ${verdicts || said}`)
  }
  return scenarios.map(scenario => ({ scenario, runs, passed: passed.get(scenario)!, reasons: reasons.get(scenario)! }))
}
