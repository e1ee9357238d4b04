/** The hosts of a fleet, side by side: a failure that one machine shows more often than the others is its own. */
import { duration, human, plural, sum } from '../format.ts'
import type { InstanceResult } from '../schema.ts'
import { equalRates, rateInterval } from '../statistics.ts'
import { table } from '../table.ts'
import { type Look, labelled } from './labelled.ts'
import type { EndedRun } from './reporter.ts'

const MS_PER_HOUR = 3_600_000
/** Below this it is said that a host fails at another rate. */
const UNLIKELY = 0.05
const MOST_LISTED = 30

export interface HostTally {
  readonly host: string
  /** Instances that ended there. */
  readonly ended: number
  readonly passed: number
  /** Those that count as failures: fail, hang, crash. */
  readonly failed: number
  readonly hours: number
  readonly oversubscribed: number
}

const failed = ({ verdict }: InstanceResult) => verdict === 'fail' || verdict === 'hang' || verdict === 'crash'
const counts = ({ verdict }: InstanceResult) => verdict !== 'lost' && verdict !== 'skipped'

/** What each host did, the one with the highest rate of failures first. */
export function hostTallies(results: Iterable<InstanceResult>): HostTally[] {
  const byHost = new Map<string, InstanceResult[]>()
  for (const result of results) {
    if (counts(result)) byHost.set(result.host, [...(byHost.get(result.host) ?? []), result])
  }
  const tallies = [...byHost].map(([host, all]) => ({
    host,
    ended: all.length,
    passed: all.filter(({ verdict }) => verdict === 'pass').length,
    failed: all.filter(failed).length,
    hours: sum(all.map(({ cpuMs }) => cpuMs)) / MS_PER_HOUR,
    // Where threads take turns it says nothing.
    oversubscribed: all.filter(result => result.oversubscribed && result.exploration === undefined).length,
  }))
  const rate = ({ failed, hours }: HostTally) => (failed === 0 ? 0 : failed / hours)
  return tallies.sort((a, b) => rate(b) - rate(a) || (a.host < b.host ? -1 : 1))
}

/** The table and, where hosts differ, what stands out; nothing for a run on this machine alone. */
export function hostLines({ results }: EndedRun, look: Look): string[] {
  const tallies = hostTallies(results.values())
  if (tallies.every(({ host }) => host === 'local')) return []
  const { paint, columns } = look
  const head = ['host', 'ended', 'passed', 'failed', 'CPU time', 'failures per CPU-hour'].map(word =>
    paint('gray', word),
  )
  const rows = tallies.slice(0, MOST_LISTED).map(tally => rowOf(tally, look))
  const lines = table([head, ...rows], columns - 2).map(line => `  ${line}`)
  const more = tallies.length - MOST_LISTED
  if (more > 0) lines.push(...labelled('', `and ${plural(more, 'host')} more`, look))
  const odd = oddHost(tallies)
  if (odd !== undefined) lines.push(...labelled('differ', odd, look, { text: 'yellow' }))
  return [paint('bold', plural(tallies.length, 'host')), ...lines]
}

function rowOf({ host, ended, passed, failed, hours, oversubscribed }: HostTally, { paint }: Look): string[] {
  const narrow = oversubscribed === 0 ? '' : paint('gray', `  ${human(oversubscribed)} with more threads than CPUs`)
  return [
    host,
    String(ended),
    String(passed),
    failed > 0 ? paint('red', String(failed)) : '0',
    duration(hours * MS_PER_HOUR),
    rateText(failed, hours) + narrow,
  ]
}

function rateText(failed: number, hours: number): string {
  if (hours === 0) return '–'
  const { rate, low, high } = rateInterval(failed, hours)
  return `${human(rate)} (${human(low)} to ${human(high)} at 95%)`
}

/**
 * `4 failures in 31 CPU-hours on lab-b, 0 in 95 elsewhere: p = 0.007`: the host that differs most from the others, if
 * that is unlikely to be chance. Somebody always differs most: p is that of the test, times the hosts.
 */
export function oddHost(tallies: readonly HostTally[]): string | undefined {
  if (tallies.length < 2) return undefined
  const all = { failed: sum(tallies.map(({ failed }) => failed)), hours: sum(tallies.map(({ hours }) => hours)) }
  const tested = tallies.map(tally => {
    const others = { failed: all.failed - tally.failed, hours: all.hours - tally.hours }
    const p = equalRates([tally.failed, others.failed], [tally.hours, others.hours])
    return { tally, others, p: Math.min(1, p * tallies.length) }
  })
  const { tally, others, p } = tested.reduce((a, b) => (b.p < a.p ? b : a))
  if (p >= UNLIKELY) return undefined
  const [here, there] = timesText(tally.hours, others.hours)
  const seen = `${plural(tally.failed, 'failure')} in ${here} on ${tally.host}`
  return `${seen}, ${human(others.failed)} in ${there} elsewhere: p = ${shownP(p)}`
}

/** Hours only where there are any to speak of. */
function timesText(here: number, there: number): readonly [string, string] {
  if (Math.min(here, there) >= 1) return [`${human(here)} CPU-hours`, human(there)]
  return [`${duration(here * MS_PER_HOUR)} of CPU time`, duration(there * MS_PER_HOUR)]
}

const shownP = (p: number) =>
  p < 1e-6 ? '< 0.000001' : p.toPrecision(1).includes('e') ? p.toFixed(6) : p.toPrecision(1)
