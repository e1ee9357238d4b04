/** What an instance did, in the one or two numbers that matter. */
import { sum } from './format.ts'

type Counters = Readonly<Record<string, number>>

/** The first counter that was named: a scenario reports its main work first. */
export function mainCounter(counters: Counters): string | undefined {
  // Graded outcomes are counted before anything that a body counts; they are results, not work.
  return Object.keys(counters).find(name => !name.includes(':'))
}

/** Share of the main work that left its fast path, where the scenario counts that; 0..1. */
export function fallbackShare(counters: Counters): number | undefined {
  const main = mainCounter(counters)
  const fallbacks = Object.entries(counters).filter(([name]) => /^fallbacks?$/.test(name))
  if (main === undefined || fallbacks.length === 0 || counters[main] === 0) return undefined
  return sum(fallbacks.map(([, n]) => n)) / counters[main]
}

/** Counters of several instances, added up; the order of the first stays. */
export function addCounters(all: Iterable<Counters>): Record<string, number> {
  const total: Record<string, number> = {}
  for (const counters of all) {
    for (const [name, n] of Object.entries(counters)) total[name] = (total[name] ?? 0) + n
  }
  return total
}
