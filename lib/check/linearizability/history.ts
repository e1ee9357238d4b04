/**
 * A history: what each thread called, in its order, and which calls had ended before others began. That is all of time
 * that linearizability asks about, so it is all that is kept: no clock readings.
 */
import type { Call, Returned } from './model.ts'

export interface Operation extends Call {
  readonly returned: Returned
  /** It never returned: it may have taken effect, or not. Then it is the last one of its thread. */
  readonly pending: boolean
  /** By thread: how many of its calls had ended before this one began. */
  readonly after: ArrayLike<number>
}

/** The calls of each thread, in their order. */
export type History = readonly (readonly Operation[])[]

/** When a call began and ended, on one clock for all threads; an end of Infinity: it did not. */
export interface Interval {
  readonly start: number
  readonly end: number
}

/** For each call of each thread, how many calls of the others had ended when it began. */
export function precedence(intervals: readonly (readonly Interval[])[]): number[][][] {
  return intervals.map((own, thread) => {
    const ended = intervals.map(() => 0)
    return own.map(({ start }, n) => {
      intervals.forEach((others, other) => {
        while (ended[other] < others.length && others[ended[other]].end < start) ended[other]++
      })
      return ended.map((count, other) => (other === thread ? n : count))
    })
  })
}

/** Only so many calls of each thread. */
export function cutTo(history: History, lengths: readonly number[]): History {
  return history.map((operations, thread) =>
    operations.slice(0, lengths[thread]).map(operation => ({
      ...operation,
      after: lengths.map((length, other) => Math.min(length, operation.after[other])),
    })),
  )
}

/** The same history split by what its calls concern; undefined where one concerns everything. */
export function partitioned(
  history: History,
  partition: (call: Call) => number | undefined,
): ReadonlyMap<number, History> | undefined {
  const parts = new Map<number, Operation[][]>()
  /** By part, thread and number of a call: how many calls of the part the thread had made before it. */
  const before = new Map<number, number[][]>()
  const keys: number[][] = []
  for (const [thread, operations] of history.entries()) {
    keys.push([])
    for (const operation of operations) {
      const key = partition(operation)
      if (key === undefined) return undefined
      keys[thread].push(key)
      if (!parts.has(key))
        parts.set(
          key,
          Array.from(history, () => []),
        )
    }
  }
  for (const key of parts.keys()) before.set(key, keys.map(runningCount(key)))
  for (const [thread, operations] of history.entries()) {
    for (const [n, operation] of operations.entries()) {
      const key = keys[thread][n]
      const counts = before.get(key)!
      const after = counts.map((count, other) => count[operation.after[other]])
      parts.get(key)![thread].push({ ...operation, after })
    }
  }
  return parts
}

/** How often `key` is among the first n, for n from 0. */
const runningCount =
  (key: number) =>
  (keys: readonly number[]): number[] => {
    const counts = [0]
    for (const other of keys) counts.push(counts.at(-1)! + (other === key ? 1 : 0))
    return counts
  }
