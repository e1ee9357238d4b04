/** A history drawn: one column a thread, time runs downwards; calls beside each other overlapped. */
import type { History, Operation } from './history.ts'
import type { Returned } from './model.ts'

/** A call begins or ends. */
interface Event {
  readonly thread: number
  readonly n: number
  readonly begins: boolean
}

/** `enqueue(1)` */
export const callText = ({ operation, args }: Pick<Operation, 'operation' | 'args'>): string =>
  `${operation}(${args.join(', ')})`

/** `dequeue() → 1` */
export const operationText = (operation: Operation): string =>
  operation.pending
    ? `${callText(operation)} never returned`
    : `${callText(operation)}${returnedText(operation.returned)}`

/** ` → 1`; nothing of nothing. */
export function returnedText(returned: Returned): string {
  if (returned === undefined) return ''
  return ` → ${typeof returned === 'object' ? `[${returned.join(', ')}]` : Number(returned)}`
}

/**
 * An order of all beginnings and ends in which exactly those calls overlap that may have: each begins as early, and ends
 * as late, as what is known allows.
 */
function eventsOf(history: History): Event[] {
  const begun = history.map(() => 0)
  const ended = history.map(() => 0)
  const events: Event[] = []
  const mayBegin = (thread: number): boolean => {
    const next = history[thread][begun[thread]]
    return next !== undefined && begun[thread] === ended[thread] && ended.every((n, t) => n >= next.after[t])
  }
  const isAwaited = (thread: number): boolean =>
    history.some((calls, other) => {
      const next = calls[begun[other]]
      return next !== undefined && (other === thread || next.after[thread] > ended[thread])
    })
  for (;;) {
    const beginning = history.findIndex((_, thread) => mayBegin(thread))
    const open = (thread: number) => begun[thread] > ended[thread] && !history[thread][ended[thread]].pending
    const ending = [isAwaited, () => true].flatMap(wanted => [history.findIndex((_, t) => open(t) && wanted(t))])
    const thread = beginning >= 0 ? beginning : (ending.find(t => t >= 0) ?? -1)
    if (thread < 0) return events
    const counts = beginning >= 0 ? begun : ended
    events.push({ thread, n: counts[thread]++, begins: beginning >= 0 })
  }
}

const GAP = 2

/**
 * @param names of the threads; those without a call have no column
 * @param matter by thread, how many of its calls do: the others are in brackets. Default: all
 */
export function drawHistory(
  history: History,
  names: readonly string[],
  matter: readonly number[] = history.map(({ length }) => length),
): string[] {
  const events = eventsOf(history)
  const textOf = (thread: number, n: number) =>
    n < matter[thread] ? operationText(history[thread][n]) : `(${operationText(history[thread][n])})`
  const columns = [...history.keys()].filter(thread => history[thread].length > 0)
  const texts = (thread: number) => history[thread].map((_, n) => `┌ ${textOf(thread, n)}`)
  const widths = new Map(
    columns.map(t => [t, GAP + Math.max(names[t].length, ...texts(t).map(text => text.length))] as const),
  )
  const isOpen = new Set<number>()
  const line = (at: number, text: string) =>
    columns
      .map(t => (t === at ? text : isOpen.has(t) ? '│' : '').padEnd(widths.get(t)!))
      .join('')
      .trimEnd()
  const lines = [
    columns
      .map(t => names[t].padEnd(widths.get(t)!))
      .join('')
      .trimEnd(),
  ]
  for (const [at, { thread, n, begins }] of events.entries()) {
    const next = events[at + 1]
    const text = textOf(thread, n)
    if (!begins) {
      if (isOpen.delete(thread)) lines.push(line(thread, '└'))
    } else if (next?.thread === thread && next.n === n) lines.push(line(thread, `─ ${text}`))
    else {
      lines.push(line(thread, `┌ ${text}`))
      isOpen.add(thread)
    }
  }
  return lines
}
