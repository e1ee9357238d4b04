/**
 * Sequential specifications: what each operation of a structure does when nobody disturbs it. A concurrent history is
 * linearizable if its calls can be put in an order that the specification could have carried out, each call at a moment
 * between its beginning and its end (Herlihy and Wing, "Linearizability: a correctness condition for concurrent
 * objects", TOPLAS 1990).
 */

/** What a call returned. In histories true is 1 and false 0; undefined is nothing, which is a value like any other. */
export type Returned = number | boolean | undefined | readonly number[]

/** One way in which a call can go. */
export interface Effect<S = unknown> {
  /** Left out: the call returns nothing. */
  readonly returns?: Returned
  /** The state after it. */
  readonly state: S
}

export interface Call {
  readonly operation: string
  readonly args: readonly number[]
  /** Number of the thread that made it, among all threads of the instance. */
  readonly thread: number
}

/** @typeParam S state: never changed, each operation makes a new one */
export interface Model<S = any> {
  /** As in "not linearizable as a FIFO queue". */
  readonly name: string
  /** Names of the operations; a call of any other one is an error. */
  readonly operations: readonly string[]
  readonly initial: S
  /** The ways a call can go in a state. None: not now, as to lock a mutex that is held. */
  readonly apply: (state: S, call: Call) => Effect<S> | readonly Effect<S>[] | undefined
  /** States with equal keys are the same. Left out: their text as JSON. */
  readonly key?: (state: S) => string | number
  /**
   * What a call concerns, where calls that concern different things never matter to each other, such as the key of a
   * map: each thing's calls are then checked by themselves, which is much less work. Undefined: it concerns everything,
   * and a history that has such a call is checked as a whole.
   */
  readonly partition?: (call: Call) => number | undefined
}

export const keyOf = <S>({ key }: Model<S>, state: S): string | number =>
  key !== undefined
    ? key(state)
    : typeof state === 'number' || typeof state === 'string'
      ? state
      : JSON.stringify(state)

/** The ways as a list. */
export function effectsOf<S>(model: Model<S>, state: S, call: Call): readonly Effect<S>[] {
  const effects = model.apply(state, call)
  if (effects === undefined) return []
  return isList(effects) ? effects : [effects]
}

const isList = <S>(effects: Effect<S> | readonly Effect<S>[]): effects is readonly Effect<S>[] => Array.isArray(effects)

/** Whether two returned values are the same to a history. */
export function sameReturned(a: Returned, b: Returned): boolean {
  if (typeof a === 'object' && typeof b === 'object')
    return a.length === b.length && a.every((value, n) => Object.is(value, b[n]))
  return plain(a) === plain(b) || (Number.isNaN(a) && Number.isNaN(b))
}

const plain = (value: Returned): unknown => (typeof value === 'boolean' ? Number(value) : value)
