/** Histories for tests: made by hand, or at random, and what brute force says of them. */
import { type History, type Interval, type Operation, precedence } from '../../lib/check/linearizability/history.ts'
import { effectsOf, type Model, type Returned, sameReturned } from '../../lib/check/linearizability/model.ts'
import type { Xoshiro } from '../../torture/guest/random.ts'

/** A call and when it was made; without an end it never returned. */
export interface Made {
  readonly thread: number
  readonly call: readonly [operation: string, ...args: number[]]
  readonly returned?: Returned
  readonly start: number
  readonly end?: number
}

export function historyOf(made: readonly Made[]): History {
  const threads = 1 + Math.max(...made.map(({ thread }) => thread))
  const rows = Array.from({ length: threads }, (_, thread) => made.filter(it => it.thread === thread))
  const intervals = rows.map(row => row.map(({ start, end = Number.POSITIVE_INFINITY }): Interval => ({ start, end })))
  const after = precedence(intervals)
  return rows.map((row, thread) =>
    row.map(({ call: [operation, ...args], returned, end }, n): Operation => {
      return { thread, operation, args, returned, pending: end === undefined, after: after[thread][n] }
    }),
  )
}

/** Tries every order of all subsets that contain what returned: nothing is remembered, nothing left out. */
export function bruteForce<S>(made: readonly Made[], model: Model<S>): boolean {
  const try_ = (left: readonly Made[], state: S): boolean => {
    if (left.every(({ end }) => end === undefined)) return true
    const earliestEnd = Math.min(...left.map(({ end = Number.POSITIVE_INFINITY }) => end))
    return left.some(it => {
      const isFirst = !left.some(other => other !== it && other.thread === it.thread && other.start < it.start)
      if (!isFirst || it.start > earliestEnd) return false
      const [operation, ...args] = it.call
      const effects = effectsOf(model, state, { operation, args, thread: it.thread })
      const rest = left.filter(other => other !== it)
      return effects.some(
        effect => (it.end === undefined || sameReturned(effect.returns, it.returned)) && try_(rest, effect.state),
      )
    })
  }
  return try_(made, model.initial)
}

/**
 * A random history of a structure that works, or nearly: calls take effect in the order in which they are drawn here,
 * and then, now and then, one of them returns something else, or takes another time, or never returns.
 */
export function drawHistory<S>(
  model: Model<S>,
  draw: (random: Xoshiro) => readonly [string, ...number[]],
  random: Xoshiro,
  { threads, calls }: { readonly threads: number; readonly calls: number },
): Made[] {
  let state = model.initial
  let time = 0
  const free = new Array<number>(threads).fill(0)
  const made: Made[] = []
  while (made.length < calls) {
    const thread = random.below(threads)
    const call = draw(random)
    const [operation, ...args] = call
    const effects = effectsOf(model, state, { operation, args, thread })
    if (effects.length === 0) {
      if (random.oneIn(20)) break
      continue
    }
    const effect = effects[random.below(effects.length)]
    state = effect.state
    time += 10
    // The effect is at `time`; the call begins before it, and ends after it.
    const start = Math.max(free[thread] + 1, time - random.below(30))
    if (start > time) time = start
    const end = time + random.below(30)
    free[thread] = end
    made.push({ thread, call, start, end, ...(effect.returns !== undefined && { returned: effect.returns }) })
  }
  const others = made.map(({ returned }) => returned)
  return distinct(
    made.map((it, n) => {
      const isLast = !made.some((other, m) => m > n && other.thread === it.thread)
      if (isLast && random.oneIn(6)) return { thread: it.thread, call: it.call, start: it.start }
      if (!random.oneIn(8) || others.length === 0) return it
      return { ...it, returned: others[random.below(others.length)] }
    }),
  )
}

/** No two moments are the same, so it does not matter what would be said of that. */
const distinct = (made: readonly Made[]): Made[] =>
  made.map((it, n) => ({
    ...it,
    start: it.start * 64 + n,
    ...(it.end !== undefined && { end: it.end * 64 + 32 + n }),
  }))
