/** docs/qualification.md */
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { execa } from 'execa'
import type { BugRow } from '../../results/trials.ts'
import { packageRoot } from '../../torture/paths.ts'
import type { CleanRow } from './runs.ts'

export interface Qualification {
  readonly started: Date
  readonly quick: boolean
  readonly seeds: number
  readonly cleanRuns: number
  readonly bugs: readonly BugRow[]
  readonly clean: readonly CleanRow[]
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

export function describeClean(clean: readonly CleanRow[]): string {
  const rows = clean.map(({ scenario, runs, passed, reasons }) => [
    scenario,
    `${passed} of ${runs}`,
    reasons.slice(0, 3).join('; ') || '–',
  ])
  return table([['scenario', 'passed', 'what spoke against it'], ...rows])
}

export async function page({ started, quick, seeds, cleanRuns, bugs, clean }: Qualification): Promise<string> {
  const minutes = Math.ceil((Date.now() - started.getTime()) / 60_000)
  const command = quick ? 'npm run qualify -- --quick' : 'npm run qualify'
  const label = quick
    ? `**A quick run: ${seeds} seeds and ${cleanRuns} clean runs. It shows that everything works, and is no evidence for the claims below, which ask for 30 and 50.**`
    : `The full run: ${seeds} seeds, ${cleanRuns} clean runs.`
  return `# Qualification

Claims that take too long for the tests. This page is written by \`${command}\`; do not edit it.

${label}

- ${started.toISOString().slice(0, 16).replace('T', ' ')} UTC, ${minutes} minutes
- ${cpus()[0]?.model ?? 'unknown CPU'}, ${availableParallelism()} CPUs, ${Math.round(totalmem() / 2 ** 30)} GiB; ${type()} ${release()}; Node ${process.version}
- commit ${await commit()}

## Every bug that stress is meant to find is found

Each E or D bug of \`torture list bugs\`, in the scenario that it lists first, by an oracle that it names and after its window was entered: \`torture bugs ID --times ${seeds} --seed 1\`, with at most 20 s for each of the ${seeds} seeds. Times are of work, from the opening of the first round's gate to the first failure; windows are the median. Clean: the same seeds, parameters and delays without the bug, for 1 s or for the time that the bug took.

${describeBugs(bugs)}

## The built-in scenarios pass as they are

\`torture run -s ${clean.map(({ scenario }) => scenario).join(',')} --duration 2s --seed N\` for N from 1 to ${cleanRuns}. Only \`pass\` counts.

${describeClean(clean)}
`
}

async function commit(): Promise<string> {
  const git = (...args: string[]) => execa('git', args, { cwd: packageRoot, reject: false })
  const [head, changes] = await Promise.all([git('rev-parse', '--short=12', 'HEAD'), git('status', '--porcelain')])
  if (head.failed) return 'unknown (no git repository)'
  return changes.stdout === '' ? head.stdout : `${head.stdout}, with changes that are not committed`
}
