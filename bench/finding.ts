/** What a measurement found: a ratio of things measured in turns within one run, its interval, and what was wanted. */

export interface Goal {
  readonly is: 'at most' | 'at least'
  readonly value: number
  /** An aim is reported the same way, and missing it fails nothing. */
  readonly aim?: true
}

export interface Finding {
  readonly name: string
  readonly what: string
  /** Median over the repeats. */
  readonly value: number
  /** 95% interval of that median. */
  readonly low: number
  readonly high: number
  readonly repeats: number
  readonly unit: 'x' | 'ms'
  readonly goal?: Goal
  /** What else must be known to judge it. */
  readonly notes: readonly string[]
}

/** A measurement that could not be made here, and why. */
export interface Skipped {
  readonly name: string
  readonly skipped: string
}

export type Verdict = 'reached' | 'not reached' | 'undecided' | 'no goal'

/** Only an interval that lies on one side of the goal decides. */
export function verdictOf({ goal, low, high }: Finding): Verdict {
  if (goal === undefined) return 'no goal'
  const [good, bad] = goal.is === 'at most' ? [high, low] : [low, high]
  const meets = (value: number) => (goal.is === 'at most' ? value <= goal.value : value >= goal.value)
  if (meets(good)) return 'reached'
  return meets(bad) ? 'undecided' : 'not reached'
}

const RESAMPLES = 4000

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** The median of what was seen and its 95% bootstrap interval; always the same one for the same numbers. */
export function summarise(seen: readonly number[]): Pick<Finding, 'value' | 'low' | 'high' | 'repeats'> {
  let state = 0x9e3779b9
  const below = (bound: number) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % bound
  }
  const medians = Array.from({ length: RESAMPLES }, () => median(seen.map(() => seen[below(seen.length)]))).sort(
    (a, b) => a - b,
  )
  return {
    value: median(seen),
    low: medians[Math.floor(0.025 * RESAMPLES)],
    high: medians[Math.ceil(0.975 * RESAMPLES) - 1],
    repeats: seen.length,
  }
}

/** Two decimals, rounded against us: up where less is better. */
export function format(value: number, { goal, unit }: Pick<Finding, 'goal' | 'unit'>): string {
  const scale = unit === 'ms' ? 1 : 100
  const up = goal?.is !== 'at least'
  const rounded = (up ? Math.ceil(value * scale - 1e-9) : Math.floor(value * scale + 1e-9)) / scale
  return unit === 'ms' ? `${rounded} ms` : `${rounded.toFixed(2)}x`
}

export function print(finding: Finding | Skipped): string {
  if ('skipped' in finding) return `!! ${finding.name} SKIPPED: ${finding.skipped}`
  const { name, what, goal, repeats, notes } = finding
  const show = (value: number) => format(value, finding)
  const wanted = goal
    ? `${goal.aim ? 'aim' : 'goal'} ${goal.is} ${finding.unit === 'ms' ? `${goal.value} ms` : `${goal.value}x`}`
    : 'no goal'
  const verdict = verdictOf(finding)
  return [
    `${name}  ${show(finding.value)} [${show(finding.low)} … ${show(finding.high)}], ${repeats} repeats; ${wanted}${verdict === 'no goal' ? '' : `: ${verdict}`}`,
    `    ${what}`,
    ...notes.map(note => `    ${note}`),
  ].join('\n')
}
