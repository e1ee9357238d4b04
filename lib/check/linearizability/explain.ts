/** Why a history is not linearizable: the least of it that contradicts itself, and how far an explanation gets. */
import { checkWhole, type Placed, returnedOf, type Verdict } from './check.ts'
import type { History, Operation } from './history.ts'
import { effectsOf, keyOf, type Model } from './model.ts'
import { callText, drawHistory, operationText, returnedText } from './timeline.ts'

export interface Explanation {
  /** `not linearizable as a FIFO queue`: the same for all violations of a model. */
  readonly summary: string
  /** The calls of each thread on one line: `consumer[0] dequeue() → 1, dequeue() → 1`. */
  readonly brief: readonly string[]
  /** One column a thread, time runs downwards. */
  readonly drawing: readonly string[]
  /** The longest order that can be explained, a call a line with the state after it. */
  readonly order: readonly string[]
  /** What could have come next, and why it does not. */
  readonly stuck: readonly string[]
  /** Calls of the history that do not matter: whatever they did, the others contradict each other. */
  readonly left: number
}

/**
 * @param violation of the history
 * @param names of the threads, by their number in the history
 * @param budget calls of the model for each attempt to do with less
 */
export function explain<S>(
  model: Model<S>,
  violation: Verdict<S>,
  names: readonly string[],
  budget: number,
): Explanation {
  const { history } = violation
  const least = shortest(history, model, violation, budget)
  const shown = history.map((operations, thread) => operations.slice(0, least.reached[thread]))
  const count = (calls: History) => calls.reduce((n, operations) => n + operations.length, 0)
  const state = least.order.at(-1)?.state ?? model.initial
  return {
    summary: `not linearizable as ${model.name}`,
    brief: shown.flatMap((operations, thread) =>
      operations.length === 0 ? [] : [`${names[thread]} ${operations.map(operationText).join(', ')}`],
    ),
    drawing: drawHistory(shown, names),
    order: orderText(model, least.order as readonly Placed<S>[], names),
    stuck: nextOf(shown, least.order).map(
      operation => `${names[operation.thread]} ${refusal(model, state as S, operation)}`,
    ),
    left: count(history) - count(shown),
  }
}

/**
 * The violation with the fewest calls that must be explained: of the last ones of each thread, as many as possible may
 * have happened or not. They are left out in the order that leaves most of a thread out first.
 */
function shortest<S>(history: History, model: Model<S>, violation: Verdict<S>, budget: number): Verdict<S> {
  const required = returnedOf(history)
  let best = violation
  for (let part = Math.max(...required, 1); part > 0; part = part > 1 ? part >> 1 : 0) {
    for (let thread = 0; thread < required.length; thread++) {
      while (required[thread] >= part) {
        const fewer = required.with(thread, required[thread] - part)
        const verdict = checkWhole(history, model, { budget, required: fewer })
        if (verdict.verdict !== 'violation') break
        required[thread] -= part
        best = verdict
      }
    }
  }
  return best
}

const orderText = <S>(model: Model<S>, order: readonly Placed<S>[], names: readonly string[]): string[] =>
  order.map(({ operation, state }) => {
    const after = keyOf(model, state)
    return `${names[operation.thread]} ${operationText(operation)}${after === '' ? '' : `   then ${after}`}`
  })

/** The calls that could have come next. */
function nextOf(history: History, order: readonly Placed[]): Operation[] {
  const placed = history.map(() => 0)
  for (const { operation } of order) placed[operation.thread]++
  return history.flatMap((operations, thread) => {
    const next = operations[placed[thread]]
    return next?.after === undefined || placed.some((n, t) => n < next.after[t]) ? [] : [next]
  })
}

/** `dequeue() → 1, where it is 2` */
function refusal<S>(model: Model<S>, state: S, operation: Operation): string {
  const possible = effectsOf(model, state, operation).map(({ returns }) => returnedText(returns).slice(3) || 'nothing')
  const would = possible.length === 0 ? 'cannot happen' : `would have returned ${[...new Set(possible)].join(' or ')}`
  return `${operation.pending ? callText(operation) : operationText(operation)}: there it ${would}`
}
