/** Run after run, with a line of progress for each. */
import type { BugRow } from '../../results/trials.ts'
import type { ListedBug, Torture } from './command.ts'

const CLEAN_SECONDS = 2

/** All scenarios once, as they are. */
export interface CleanRun {
  readonly seed: number
  readonly passed: readonly string[]
  /** Of those that did not pass. */
  readonly reasons: Readonly<Record<string, string>>
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
export async function runWithoutBug(
  torture: Torture,
  scenarios: readonly string[],
  seed: number,
  say: (line: string) => void,
): Promise<CleanRun> {
  const args = ['-s', scenarios.join(','), '--duration', `${CLEAN_SECONDS}s`, '--seed', String(seed)]
  const { exitCode, results, said } = await torture.run(args)
  const passed: string[] = []
  const reasons: Record<string, string> = {}
  for (const name of scenarios) {
    const result = results.find(({ scenario }) => scenario === name)
    if (result?.verdict === 'pass') passed.push(name)
    else reasons[name] = `seed ${seed}: ${result?.verdict ?? 'no result'}, ${result?.reason ?? `exit ${exitCode}`}`
  }
  say(
    `seed ${seed}: ${passed.length} of ${scenarios.length} scenarios passed${results.length === 0 ? `\n${said}` : ''}`,
  )
  for (const [name, reason] of Object.entries(reasons)) say(`  ${name}: ${reason}`)
  return { seed, passed, reasons }
}
