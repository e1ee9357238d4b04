/** What a guest counts of its histories, and what that says of its verdict. */
import { human, percent } from '../../../results/format.ts'
import type { Counts } from '../report/tally.ts'

export const COUNTED = {
  histories: 'histories',
  calls: 'histories: calls',
  /** In which calls overlapped. */
  concurrent: 'histories: concurrent',
  /** Given no verdict: the budget was used up, or a thread made more calls than there is room for. */
  unknown: 'histories: unknown',
  tooLong: 'histories: too long',
} as const

const withoutVerdict = (counters: Counts): number => (counters[COUNTED.unknown] ?? 0) + (counters[COUNTED.tooLong] ?? 0)

/** Why histories without a violation prove nothing, or undefined. */
export function historyDoubt(counters: Counts): string | undefined {
  const { [COUNTED.histories]: all = 0, [COUNTED.tooLong]: tooLong = 0 } = counters
  if (all === 0) return 'no history was recorded: bodies put call() and ret() around their operations'
  if (withoutVerdict(counters) < all) return undefined
  return tooLong === all
    ? `all ${human(all)} histories were too long: a thread recorded more calls in a round than there is room for`
    : `none of ${human(all)} histories got a verdict: they take more than history.budget, so fewer calls a round, or a partition, are needed`
}

/** What a verdict leaves out, or undefined. */
export function historyBlindSpot(counters: Counts): string | undefined {
  const without = withoutVerdict(counters)
  if (without === 0) return undefined
  const all = counters[COUNTED.histories]
  return `histories: ${human(without)} of ${human(all)} (${percent(without / all)}) got no verdict, they were too much to check`
}
