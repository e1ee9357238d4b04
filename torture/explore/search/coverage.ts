/**
 * What clean executions are worth, in sentences. A confidence is rounded down and never 100%: what is excluded by
 * drawing lots is not excluded altogether.
 */

/** `1,412` */
const grouped = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',')

const counted = (count: number, what: string): string => `${grouped(count)} ${what}${count === 1 ? '' : 's'}`

/** @param miss probability that nothing was found although there was something */
export function confidence(miss: number): string {
  const percent = 100 * (1 - miss)
  if (percent < 1) return 'less than 1%'
  if (miss < 1e-4) return 'more than 99.99%'
  const decimals = percent < 90 ? 0 : percent < 99.9 ? 1 : 2
  const scale = 10 ** decimals
  // What the subtraction from one costs must not cost a digit.
  return `${(Math.floor(percent * scale + 1e-9) / scale).toFixed(decimals)}%`
}

/**
 * Probability that `executions` of PCT miss a bug of a depth that is there: each finds it with 1 / (n · k^(d-1)) or more.
 * @param actors  n: threads, and store buffers if there are any
 * @param choices k: most steps of an execution at which the strategy was asked
 */
export function missedByPct(depth: number, executions: number, actors: number, choices: number): number {
  const found = 1 / (actors * Math.max(1, choices) ** (depth - 1))
  return Math.exp(executions * Math.log1p(-found))
}

export interface PctExecutions {
  /** Store buffers count as threads here. */
  readonly threads: number
  readonly choices: number
  /** By the depth that PCT was meant for. */
  readonly executions: Readonly<Record<number, number>>
}

/**
 * For each depth that PCT was run with what is excluded by that: `bugs of depth 2 or less: excluded with 99.7% …`.
 *
 * Executions meant for a greater depth do not count for a smaller one. PCT's surplus falls may destroy what a smaller
 * depth would have found: a bug of depth 1 is found by PCT(3) with less than 1 / n.
 */
export function excludedByPct({ threads, choices, executions }: PctExecutions): string[] {
  return Object.entries(executions)
    .map(([depth, count]) => ({ depth: Number(depth), count }))
    .filter(({ count }) => count > 0)
    .map(({ depth, count }) => {
      const sure = confidence(missedByPct(depth, count, threads, choices))
      const facts = `PCT, ${counted(count, 'execution')}, n=${threads}, k=${grouped(choices)}`
      return `bugs of depth ${depth}${depth > 1 ? ' or less' : ''}: excluded with ${sure} (${facts})`
    })
}

/** @param completed most preemptions of the schedules that were all tried; -1: not even those without any */
export function excludedByBound(completed: number): string[] {
  if (completed < 0) return []
  const preemptions = completed === 0 ? 'without a preemption' : `with at most ${counted(completed, 'preemption')}`
  return [`every schedule ${preemptions} was tried`]
}

/** What a finished partial-order reduction proves, and what it was limited to. */
export function certificate({ classes, bounds }: { classes: number; bounds: readonly string[] }): string {
  const all = classes === 1 ? 'the only class' : `all ${grouped(classes)} classes`
  return [`${all} of interleavings explored`, ...(bounds.length > 0 ? [`within ${bounds.join('; ')}`] : [])].join(', ')
}
