/** Why a history is not linearizable: the least of it that contradicts itself, and how far an explanation gets. */
import { checkWhole, type Placed, returnedOf, type Verdict } from './check.ts'
import { cutTo, type History, type Operation } from './history.ts'
import { effectsOf, keyOf, type Model } from './model.ts'
import { callText, drawHistory, operationText, returnedText } from './timeline.ts'

/** Of a history with more calls than this only those are drawn that the search came to. */
const MOST_SHOWN = 40

export interface Explanation {
  /** Those that matter, of each thread on one line: `consumer[0] dequeue() → 1, dequeue() → 1`. */
  readonly brief: readonly string[]
  /** One column a thread, time runs downwards. Calls that do not matter are in brackets. */
  readonly drawing: readonly string[]
  /** The longest order that can be explained, a call a line with the state after it. */
  readonly order: readonly string[]
  /** What could have come next, and why it does not. */
  readonly stuck: readonly string[]
  /** Calls of the history that do not matter: whatever they did, the others contradict each other. */
  readonly left: number
}

/** The same for all violations of a model. */
export const summaryOf = ({ name }: Model): string => `not linearizable as ${name}`

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
  const required = fewest(history, model, budget)
  const least = checkWhole(history, model, { budget, required })
  const core = shownOf(least, model, budget, required)
  const lengths = core.map(({ length }) => length)
  const shown = count(history) <= MOST_SHOWN ? history : cutTo(history, least.reached)
  const { order } = checkWhole(shown, model, { budget })
  const state = order.at(-1)?.state ?? model.initial
  return {
    brief: core.flatMap((operations, thread) =>
      operations.length === 0 ? [] : [`${names[thread]} ${operations.map(operationText).join(', ')}`],
    ),
    drawing: drawHistory(shown, names, lengths),
    order: orderText(model, order, names),
    stuck: nextOf(shown, order).map(operation => `${names[operation.thread]} ${refusal(model, state, operation)}`),
    left: count(history) - count(core),
  }
}

const count = (history: History): number => history.reduce((n, operations) => n + operations.length, 0)

/**
 * By thread, how many of its calls must be explained for there to be no explanation, as few as possible: any of those
 * after them may have happened or not. Many of a thread are tried to be done without at once, before a few.
 */
function fewest<S>(history: History, model: Model<S>, budget: number): number[] {
  let required = returnedOf(history)
  const isEnough = (fewer: readonly number[]) =>
    checkWhole(history, model, { budget, required: fewer }).verdict === 'violation'
  for (let part = Math.max(...required, 1); part > 0; part = part > 1 ? part >> 1 : 0) {
    for (let thread = 0; thread < required.length; thread++) {
      while (required[thread] >= part) {
        const fewer = required.with(thread, required[thread] - part)
        if (!isEnough(fewer)) break
        required = fewer
      }
    }
  }
  return required
}

/**
 * Of the calls that may have happened or not, only those without which even less could be explained. The others are
 * left out from the end of each thread.
 */
function shownOf<S>(least: Verdict<S>, model: Model<S>, budget: number, required: readonly number[]): History {
  let shown = cutTo(least.history, least.reached)
  for (const [thread, needed] of required.entries()) {
    while (shown[thread].length > needed) {
      const lengths = shown.map(({ length }, other) => (other === thread ? length - 1 : length))
      const fewer = cutTo(shown, lengths)
      if (checkWhole(fewer, model, { budget, required }).explained < least.explained) break
      shown = fewer
    }
  }
  return shown
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
