/** The one command to type after a run. */
import { relative, resolve } from 'node:path'
import { duration, durationFlag, human, shownPath, sum } from '../format.ts'
import { excludedRate } from '../statistics.ts'
import { DEFAULT_ROOT } from '../store.ts'
import type { EndedRun } from './reporter.ts'

export interface NextStep {
  readonly command: string
  /** What it is good for, or where to look before; may be empty. */
  readonly why: string
}

const LADDER_MS = [10_000, 60_000, 300_000, 1_800_000, 7_200_000, 28_800_000]

export function nextStep(closing: EndedRun): NextStep {
  const { plan, summary, results } = closing
  if (closing.running) return { command: report(closing), why: 'again, when it has ended: it is still running' }
  const all = plan.instances.map(({ name }) => results.get(name))
  const failure = all.flatMap(result => result?.failures ?? [])[0]
  const troubled = all.find(result => ['fail', 'hang', 'crash', 'lost'].includes(result?.verdict ?? ''))
  if (troubled !== undefined) {
    const evidence = resolve(closing.dir, failure?.id ?? troubled.name)
    return { command: rerun(closing, '--failed'), why: `the evidence is in ${shownPath(evidence)}` }
  }
  if (summary.finishedAt === undefined || all.includes(undefined))
    return { command: rerun(closing), why: 'completes the run: what passed stays' }
  const longer = durationFlag(longerThan(Math.max(...plan.instances.map(instance => instance.durationMs))))
  if (all.some(result => result?.verdict === 'inconclusive')) {
    return {
      command: rerun(closing, '--failed', `--duration ${longer}`),
      why: 'gives it more time; where the reason above names a parameter, change that first',
    }
  }
  const why = plan.instances.some(({ bugs }) => bugs.length > 0)
    ? 'the bug was not caught: give it more time, and new seeds with --seed new'
    : worthOf(closing, longer)
  return { command: rerun(closing, `--duration ${longer}`), why }
}

const rerun = (run: EndedRun, ...flags: readonly string[]) => command('rerun', run, flags)
const report = (run: EndedRun) => command('report', run, [])

/** Names the run and its folder only where they are not the ones that the command takes by itself. */
function command(name: string, { plan, dir, last }: EndedRun, flags: readonly string[]): string {
  const root = resolve(dir, '..')
  const results = root === resolve(DEFAULT_ROOT) ? [] : [`--results ${quoted(relative(process.cwd(), root) || '.')}`]
  return [`torture ${name}`, ...(last ? [] : [plan.id]), ...flags, ...results].join(' ')
}

const quoted = (path: string) => (/^[\w./@+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`)

const longerThan = (ms: number) => LADDER_MS.find(step => step >= 4 * ms) ?? 4 * ms

/** What the longer run would be worth if it is clean. */
function worthOf({ plan, results }: EndedRun, longer: string): string {
  const cpuMs = sum([...results.values()].map(result => result.cpuMs))
  const longest = Math.max(...plan.instances.map(instance => instance.durationMs))
  const ms = longerThan(longest)
  const hours = (cpuMs * (ms / longest)) / 3_600_000
  if (hours === 0) return ''
  return `clean for ${longer}, it would exclude more than ${human(excludedRate(hours))} failures per CPU-hour (${duration(hours * 3_600_000)} of CPU time)`
}
