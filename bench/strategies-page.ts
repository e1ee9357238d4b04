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
const middle = (seen: readonly Searched[], what: 'executions' | 'cpuMs'): number =>
  median(seen.map(searched => (searched.found ? searched[what] : Number.POSITIVE_INFINITY)))

/** Where half of them found nothing: more than what those did. */
function cell(seen: readonly Searched[], what: 'executions' | 'cpuMs'): string {
  const value = middle(seen, what)
  if (Number.isFinite(value)) return show(value)
  return `> ${show(median(seen.filter(({ found }) => !found).map(searched => searched[what])))}`
}

function table({ rows, strategies }: Measured, what: 'executions' | 'cpuMs'): string {
  const head = ['', ...strategies]
  const rule = ['---', ...strategies.map(() => '---:')]
  const lines = rows.map(({ name, seen }) => [`\`${name}\``, ...strategies.map(it => cell(seen.get(it)!, what))])
  return [head, rule, ...lines].map(line => `| ${line.join(' | ')} |`).join('\n')
}

export const tables = (measured: Measured): string => `${table(measured, 'executions')}\n\n${table(measured, 'cpuMs')}`

export function page(measured: Measured): string {
  const { started, seeds, limits, othersShare } = measured
  const minutes = Math.ceil((Date.now() - started.getTime()) / 60_000)
  const others = othersShare === undefined ? '' : `; other processes took ${Math.round(100 * othersShare)}% of the CPUs`
  return `# How soon each strategy finds the bugs of the classics

This page is written by \`npm run strategies\`; do not edit it. The bugs are those of the [classics](classics.md).

- ${started.toISOString().slice(0, 16).replace('T', ' ')} UTC, ${minutes} minutes
- ${cpus()[0]?.model ?? 'unknown CPU'}, ${availableParallelism()} CPUs${others}; Node ${process.version}

${seeds} searches for each bug by each strategy, with the seeds 1 to ${seeds}, on one CPU, all flags of \`torture explore\` as they are by default. The threads are new for each. What is counted ends with the first execution that fails: its verification and the minimiser come after it. A search ends without a failure after ${show(limits.executions)} executions or ${show(limits.cpuMs / 1000)} s of CPU time, or where nothing is left to try, and is taken to be longer than all that found something; \`>\` says that the median is one of those.

- **A strategy by itself** is \`--strategy\` of that name, and only its own executions count. Every search begins with a dozen executions, one without switches and the others random, to learn where threads meet; a failure of theirs does not count here, except for \`random\`, whose own they are. \`pct\` takes turns at looking for bugs of depth 2 and 3. \`bounded\` and \`dpor\` draw nothing: seeds differ in what the first executions saw. Threads are switched where two of them meet, which is what makes an order bug like that of \`init-order-bad\` easy for everybody.
- **\`portfolio\`** is the default, and all its executions count, the first ones too. \`torture explore\` starts one such search for each CPU; all but the first leave DPOR out.

## Executions to the first failure, median

${table(measured, 'executions')}

## Milliseconds to the first failure, median

CPU time of the process. Its threads take turns, so on a quiet machine it is what a clock says. The threads are cold, so most of a short search is the compiler's time.

${table(measured, 'cpuMs')}
`
}
