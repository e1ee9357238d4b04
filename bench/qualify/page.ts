/** docs/qualification.md */
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import type { BugRow } from '../../results/trials.ts'
import { CONTROLS } from './command.ts'
import type { Entry } from './journal.ts'
import type { CleanRun } from './runs.ts'

export interface Qualification {
  readonly entries: readonly Entry[]
  readonly seeds: number
  readonly cleanRuns: number
  readonly rows: readonly BugRow[]
  readonly scenarios: readonly string[]
  readonly runs: readonly CleanRun[]
}

const seconds = (ms: number | null) => (ms === null ? '–' : `${(ms / 1000).toFixed(2)} s`)
const table = (rows: readonly (readonly string[])[]) =>
  [rows[0], rows[0].map(() => '---'), ...rows.slice(1)].map(row => `| ${row.join(' | ')} |`).join('\n')

export function describeBugs(bugs: readonly BugRow[]): string {
  const head = ['bug', 'scenario', 'hardness', 'caught', 'first oracle', 'median', 'worst', 'windows entered', 'clean']
  const rows = bugs.map(row => [
    `\`${row.bug}\``,
    row.scenario,
    row.hardness,
    row.verdict === 'caught' ? `${row.caught} of ${row.tries}` : `**${row.verdict}**: ${row.caught} of ${row.tries}`,
    [...Object.entries(row.oracles), ...Object.entries(row.others)].map(([oracle, n]) => `${oracle} ${n}`).join(', '),
    seconds(row.medianMs),
    seconds(row.worstMs),
    Math.round(row.windows ?? 0).toLocaleString('en'),
    `${row.clean} of ${row.controls}`,
  ])
  return table([head, ...rows])
}

export function describeClean(scenarios: readonly string[], runs: readonly CleanRun[]): string {
  const rows = scenarios.map(name => [
    `\`${name}\``,
    `${runs.filter(({ passed }) => passed.includes(name)).length} of ${runs.length}`,
    runs.flatMap(({ reasons }) => reasons[name] ?? []).join('; ') || '–',
  ])
  return table([['scenario', 'passed', 'what spoke against it'], ...rows])
}

/** A long qualification may have been continued, on later commits, too. */
const made = (entries: readonly Entry[]) =>
  [...new Set(entries.map(({ commit }) => commit))].map(commit => {
    const of = entries.filter(entry => entry.commit === commit)
    const count = (part: Entry['part']) => of.filter(entry => entry.part === part).length
    const [from, to] = [of[0].at, of.at(-1)!.at].map(at => at.slice(0, 16).replace('T', ' '))
    return `- ${from} to ${to} UTC, commit ${commit}: ${count('bugs')} bugs, ${count('clean')} clean runs`
  })

export const page = ({ entries, seeds, cleanRuns, rows, scenarios, runs }: Qualification): string => `# Qualification

Claims that take too long for the tests. This page is written by \`npm run qualify\`${
  seeds === 30 && cleanRuns === 50 ? '' : `, here with \`-- --seeds ${seeds} --clean-runs ${cleanRuns}\``
}; do not edit it.

- ${cpus()[0]?.model ?? 'unknown CPU'}, ${availableParallelism()} CPUs, ${Math.round(totalmem() / 2 ** 30)} GiB; ${type()} ${release()}; Node ${process.version}
${made(entries).join('\n')}

## Every bug that stress is meant to find is found

Each E or D bug of \`torture list bugs\`, in the scenario that it lists first, by an oracle that it names and after its window was entered: \`torture bugs ID --times ${seeds} --controls ${CONTROLS} --seed 1\`, with at most 20 s for each of the ${seeds} seeds. Times are of work, from the opening of the first round's gate to the first failure; windows are the median. Clean: the first ${CONTROLS} seeds or more, with the same parameters and delays, without the bug, for 1 s or for the time that the bug took.

${describeBugs(rows)}

## The built-in scenarios pass as they are

All ${scenarios.length}, for 2 s each: \`torture run -s ${scenarios[0]},… --duration 2s --seed N\` for N from 1 to ${cleanRuns}. Only \`pass\` counts.

${describeClean(scenarios, runs)}
`
