/**
 * Is a history linearizable? The search of Wing and Gong ("Testing and verifying concurrent objects", JPDC 1993): put
 * a call first that began before any other had ended and could have returned what it did, and go on with the others.
 * What was reached before, the same calls in the same state, is not searched again: Lowe's memoisation ("Testing for
 * linearizability", CCPE 2017). As calls of a thread keep their order, the calls already placed are told by how many
 * of each thread there are. Whatever must come next for the history to go on is tried first (Lowe's just-in-time
 * linearization), and a history that falls into parts is checked part by part (Horn and Kroening, "Faster
 * linearizability checking via P-compositionality", FORTE 2015).
 *
 * The problem is NP-complete: the search has a budget, and beyond it the answer is that there is none.
 */
import { type History, type Operation, partitioned } from './history.ts'
import { effectsOf, keyOf, type Model, sameReturned } from './model.ts'

/** Calls of the model that a history is worth. Most take fewer than a hundred. */
export const BUDGET = 100_000

export interface Limits {
  /** Most calls of the model. Default `BUDGET`. */
  readonly budget?: number
  /**
   * By thread: how many of its calls must be explained; those beyond may have happened or not, at any time. Default: all
   * that returned.
   */
  readonly required?: ArrayLike<number>
}

/** A call in its place. */
export interface Placed<S = unknown> {
  readonly operation: Operation
  /** The state after it. */
  readonly state: S
}

export interface Verdict<S = unknown> {
  readonly verdict: 'linearizable' | 'violation' | 'unknown'
  /** Calls of the model that it took. */
  readonly steps: number
  /** The order found; where there is none, one that explains as many of the required calls as any, with few others. */
  readonly order: readonly Placed<S>[]
  /** Required calls in it. */
  readonly explained: number
  /** Of a violation, by thread: how many calls the search ever got to. */
  readonly reached: readonly number[]
  /** The part that the rest of the verdict is about. The whole history where it was not split. */
  readonly history: History
}

/** Checks a history by parts if its model has any. */
export function check<S>(history: History, model: Model<S>, limits: Limits = {}): Verdict<S> {
  const parts = model.partition && partitioned(history, model.partition)
  if (parts === undefined) return new Search(history, model, limits).run()
  let unknown: Verdict<S> | undefined
  let steps = 0
  for (const part of parts.values()) {
    const verdict = new Search(part, model, { budget: limits.budget ?? BUDGET }).run()
    steps += verdict.steps
    if (verdict.verdict === 'violation') return { ...verdict, steps }
    if (verdict.verdict === 'unknown') unknown = verdict
  }
  return unknown
    ? { ...unknown, steps }
    : { verdict: 'linearizable', steps, order: [], explained: 0, reached: [], history }
}

/** Checks a history as a whole. */
export function checkWhole<S>(history: History, model: Model<S>, limits: Limits = {}): Verdict<S> {
  return new Search(history, model, limits).run()
}

/** By thread: how many calls returned. */
export const returnedOf = (history: History): number[] =>
  history.map(operations => operations.reduce((n, { pending }) => n + (pending ? 0 : 1), 0))

class Search<S> {
  readonly #history: History
  readonly #model: Model<S>
  readonly #budget: number
  readonly #required: ArrayLike<number>
  /** By thread: how many of its calls are placed. */
  readonly #placed: number[]
  readonly #reached: number[]
  readonly #seen = new Set<string>()
  readonly #path: Placed<S>[] = []
  #best: readonly Placed<S>[] = []
  #explained = 0
  #steps = 0
  /** Calls that have to be explained, and those of them that still are. */
  readonly #all: number
  #missing = 0

  constructor(history: History, model: Model<S>, { budget = BUDGET, required = returnedOf(history) }: Limits) {
    this.#history = history
    this.#model = model
    this.#budget = budget
    this.#required = required
    this.#placed = history.map(() => 0)
    this.#reached = history.map(() => 0)
    for (let t = 0; t < history.length; t++) this.#missing += required[t]
    this.#all = this.#missing
  }

  run(): Verdict<S> {
    const found = this.#from(this.#model.initial)
    const verdict = found ? 'linearizable' : this.#steps > this.#budget ? 'unknown' : 'violation'
    return {
      verdict,
      steps: this.#steps,
      order: found ? this.#path : this.#best,
      explained: found ? this.#all : this.#explained,
      reached: this.#reached,
      history: this.#history,
    }
  }

  /** Whether what is left can be explained from this state on. */
  #from(state: S): boolean {
    if (this.#missing === 0) return true
    if (this.#wasSeen(state)) return false
    // First the calls that have to be explained, then those that may have happened.
    return this.#tryAll(state, true) || this.#tryAll(state, false)
  }

  #wasSeen(state: S): boolean {
    const key = `${String.fromCharCode(...this.#placed)}${keyOf(this.#model, state)}`
    if (this.#seen.has(key)) return true
    this.#seen.add(key)
    return false
  }

  #tryAll(state: S, required: boolean): boolean {
    for (let thread = 0; thread < this.#history.length; thread++) {
      const n = this.#placed[thread]
      if (n >= this.#history[thread].length || n < this.#required[thread] !== required) continue
      const operation = this.#history[thread][n]
      if (this.#mayComeNext(operation, required) && this.#try(state, operation, thread, required)) return true
      if (this.#steps > this.#budget) return false
    }
    return false
  }

  /** All that must be explained and had ended before it began has its place. */
  #mayComeNext({ after, pending }: Operation, required: boolean): boolean {
    if (!required && !pending) return true
    for (let t = 0; t < this.#placed.length; t++) {
      const n = this.#placed[t]
      if (n < after[t] && n < this.#required[t]) return false
    }
    return true
  }

  #try(state: S, operation: Operation, thread: number, required: boolean): boolean {
    if (this.#steps++ >= this.#budget) return false
    if (this.#reached[thread] === this.#placed[thread]) this.#reached[thread]++
    for (const effect of effectsOf(this.#model, state, operation)) {
      if (!operation.pending && !sameReturned(effect.returns, operation.returned)) continue
      this.#placed[thread]++
      if (required) this.#missing--
      this.#path.push({ operation, state: effect.state })
      this.#keepBest()
      if (this.#from(effect.state)) return true
      this.#path.pop()
      if (required) this.#missing++
      this.#placed[thread]--
    }
    return false
  }
  #keepBest(): void {
    const explained = this.#all - this.#missing
    if (explained < this.#explained) return
    if (explained === this.#explained && this.#path.length >= this.#best.length) return
    this.#explained = explained
    this.#best = [...this.#path]
  }
}
