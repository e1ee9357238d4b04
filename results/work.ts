/** What an instance did, in the one or two numbers that matter. */
import { sum } from './format.ts'

type Counters = Readonly<Record<string, number>>

/** The first counter that was named: a scenario reports its main work first. */
export function mainCounter(counters: Counters): string | undefined {
  // Graded outcomes (`outcome:0,1`) are results, and what begins with `torture.` the harness did.
  return Object.keys(counters).find(name => !name.includes(':') && !name.startsWith('torture.'))
}

/** The main work: executions where schedules are explored, else the first counter, else rounds. */
export function mainWork(
  { counters, rounds }: { readonly counters: Counters; readonly rounds: number },
  explores: boolean,
): { readonly name: string; readonly n: number } {
  const name = explores ? undefined : mainCounter(counters)
  return name === undefined ? { name: explores ? 'executions' : 'rounds', n: rounds } : { name, n: counters[name] }
}

/**
 * Share of the main work that left its fast path, 0..1, where the scenario counts that: as `fallbacks`, or by reason as
 * `faults.fallbackBusy` and the like beside the main counter `faults`.
 */
export function fallbackShare(counters: Counters): number | undefined {
  const main = mainCounter(counters)
  if (main === undefined || !(counters[main] > 0)) return undefined
  const total = counters.fallbacks
  if (total !== undefined) return total / counters[main]
  const byReason = Object.keys(counters).filter(name => name.startsWith(`${main}.fallback`))
  return byReason.length === 0 ? undefined : sum(byReason.map(name => counters[name])) / counters[main]
}

/** Counters of several instances, added up; the order of the first stays. */
export function addCounters(all: Iterable<Counters>): Record<string, number> {
  const total: Record<string, number> = {}
  for (const counters of all) {
    for (const [name, n] of Object.entries(counters)) total[name] = (total[name] ?? 0) + n
  }
  return total
}
