/** docs/strategies.md */
import { availableParallelism, cpus } from 'node:os'
import { median } from './finding.ts'
import type { Searched, Searches } from './loops/searches.ts'

export interface Row {
  readonly name: string
  /** By strategy. */
  readonly seen: Map<string, readonly Searched[]>
}

export interface Measured {
  readonly started: Date
  readonly seeds: number
  readonly limits: Searches['limits']
  readonly strategies: readonly string[]
  readonly rows: readonly Row[]
  /** Of the CPUs, meanwhile. */
  readonly othersShare: number | undefined
}

const show = (value: number) =>
  value < 10 && value % 1 !== 0 ? value.toFixed(1) : Math.round(value).toLocaleString('en')

/** Searches that found nothing are beyond all others. */
function middle(seen: readonly Searched[], what: 'executions' | 'cpuMs'): number {
  return median(seen.map(searched => searched[what] ?? Number.POSITIVE_INFINITY))
}

function table({ rows, strategies }: Measured, cell: (seen: readonly Searched[]) => string): string {
  const head = ['', ...strategies]
  const lines = rows.map(({ name, seen }) => [`\`${name}\``, ...strategies.map(strategy => cell(seen.get(strategy)!))])
  const rule = ['---', ...strategies.map(() => '---:')]
  return [head, rule, ...lines].map(line => `| ${line.join(' | ')} |`).join('\n')
}

const isBeyond = (seen: readonly Searched[]) => middle(seen, 'executions') === Number.POSITIVE_INFINITY

function executions(measured: Measured): string {
  const { limits } = measured
  return table(measured, seen => (isBeyond(seen) ? `> ${show(limits.executions)}` : show(middle(seen, 'executions'))))
}

function milliseconds(measured: Measured): string {
  return table(measured, seen => (isBeyond(seen) ? '–' : show(middle(seen, 'cpuMs'))))
}

export const tables = (measured: Measured): string => `${executions(measured)}\n\n${milliseconds(measured)}`

export function page(measured: Measured): string {
  const { started, seeds, limits, othersShare } = measured
  const minutes = Math.ceil((Date.now() - started.getTime()) / 60_000)
  const others = othersShare === undefined ? '' : `; other processes took ${Math.round(100 * othersShare)}% of the CPUs`
  return `# How soon each strategy finds the bugs of the classics

This page is written by \`npm run strategies\`; do not edit it. The bugs are those of the [classics](classics.md).

- ${started.toISOString().slice(0, 16).replace('T', ' ')} UTC, ${minutes} minutes
- ${cpus()[0]?.model ?? 'unknown CPU'}, ${availableParallelism()} CPUs${others}; Node ${process.version}

${seeds} searches for each bug by each strategy, with the seeds 1 to ${seeds}, on one CPU, all flags of \`torture explore\` as they are by default. The threads are new for each. What is counted ends with the first execution that fails: its verification and the minimiser come after it. A search ends without a failure after ${show(limits.executions)} executions or ${show(limits.cpuMs / 1000)} s of CPU time, and is taken to be longer than all that found something.

- **A strategy by itself** is \`--strategy\` of that name, and only its own executions count. Every search begins with a dozen executions, one without switches and the others random, to learn where threads meet; a failure of theirs does not count here, except for \`random\`, whose own they are. \`pct\` takes turns at looking for bugs of depth 2 and 3. \`bounded\` and \`dpor\` draw nothing: seeds differ in what the first executions saw.
- **\`portfolio\`** is the default, and all its executions count, the first ones too. \`torture explore\` starts one such search for each CPU; all but the first leave DPOR out.

## Executions to the first failure, median

${executions(measured)}

## Milliseconds to the first failure, median

CPU time of the process. Its threads take turns, so on a quiet machine it is what a clock says. The threads are cold: most of a millisecond or two is the compiler's.

${milliseconds(measured)}
`
}
