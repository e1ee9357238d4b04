/**
 * Memory models by brute force: every state that a few threads can come to, one step after the other, as simply as the
 * models can be said. Nothing of the explorer is used, nor its way of thinking: a thread's delayed stores are a set with
 * rules for which of them may go, a cell is all that was ever in it, and a load takes its pick.
 */
import { type Name, nextOf, type Operation, type Result, type Subject } from './recorded.ts'

export type Model = 'sc' | 'tso' | 'pso'

interface Delayed {
  readonly cell: number
  readonly value: number
  readonly release: boolean
  /** Of a read-modify-write: nobody writes to the cell before. */
  readonly reserved: boolean
}

interface Thread {
  readonly results: readonly Result[]
  readonly delayed: readonly Delayed[]
  /** Loads do not happen before this time. */
  readonly fence: number
  /** By cell, the number of the write that it has seen or done last. */
  readonly seen: readonly number[]
  /** The cell that it sleeps on, -1: none; -2: it was notified. */
  readonly sleeps: number
}

interface Write {
  readonly value: number
  readonly time: number
}

interface State {
  readonly threads: readonly Thread[]
  readonly cells: readonly (readonly Write[])[]
  readonly time: number
  /** Threads asleep, in the order in which they came. */
  readonly queue: readonly number[]
}

const CHANGES: Readonly<Partial<Record<Name, (old: number, value: number) => number>>> = {
  add: (old, value) => (old + value) | 0,
  sub: (old, value) => (old - value) | 0,
  and: (old, value) => old & value,
  or: (old, value) => old | value,
  xor: (old, value) => old ^ value,
  exchange: (_, value) => value,
}
const MARKS = ['relaxed', 'acquire', 'release']

/** All outcomes that there are. */
export function outcomesOf({ bodies, cells, outcome }: Subject, model: Model): Set<string> {
  const found = new Set<string>()
  const known = new Set<string>()
  const next = memoised((thread: number, results: readonly Result[]) => nextOf(bodies[thread], results))
  const cellOf = ({ cells: array, index }: Operation) =>
    cells.findIndex(cell => cell.buffer === array.buffer && cell.byteOffset === array.byteOffset + 4 * index)
  const start: Thread = { results: [], delayed: [], fence: 0, seen: cells.map(() => 0), sleeps: -1 }
  const todo: State[] = [
    {
      threads: bodies.map(() => start),
      cells: cells.map(cell => [{ value: cell[0], time: 0 }]),
      time: 0,
      queue: [],
    },
  ]
  const initial = cells.map(cell => cell[0])
  for (let state = todo.pop(); state !== undefined; state = todo.pop()) {
    const key = JSON.stringify(state)
    if (known.has(key)) continue
    known.add(key)
    const nexts = state.threads.map(({ results }, t) => next(t, results))
    if (nexts.every(it => 'returned' in it) && state.threads.every(({ delayed }) => delayed.length === 0)) {
      for (const [n, cell] of cells.entries()) cell[0] = state.cells[n].at(-1)!.value
      found.add(outcome(nexts.map(it => ('returned' in it ? it.returned : undefined))))
      for (const [n, cell] of cells.entries()) cell[0] = initial[n]
    }
    for (const [t, it] of nexts.entries()) {
      todo.push(...drains(state, t, model))
      if ('operation' in it) todo.push(...steps(state, t, it.operation, cellOf(it.operation), model))
    }
  }
  return found
}

const replaced = <T>(all: readonly T[], at: number, one: T): readonly T[] => all.with(at, one)

/** Somebody else has it reserved. */
const isReserved = ({ threads }: State, cell: number, by: number): boolean =>
  threads.some(({ delayed }, t) => t !== by && delayed.some(entry => entry.reserved && entry.cell === cell))

/** Writes to memory. */
function written(state: State, t: number, thread: Thread, cell: number, value: number): State {
  const time = state.time + 1
  const cells = replaced(state.cells, cell, [...state.cells[cell], { value, time }])
  const seen = replaced(thread.seen, cell, cells[cell].length - 1)
  return { ...state, time, cells, threads: replaced(state.threads, t, { ...thread, seen }) }
}

/** A delayed store reaches memory. */
function* drains(state: State, t: number, model: Model): Iterable<State> {
  const thread = state.threads[t]
  for (const [n, { cell, value, release }] of thread.delayed.entries()) {
    const earlier = thread.delayed.slice(0, n)
    const waits = model === 'tso' ? n > 0 : earlier.some(other => release || other.cell === cell)
    if (waits || isReserved(state, cell, t)) continue
    yield written(state, t, { ...thread, delayed: thread.delayed.toSpliced(n, 1) }, cell, value)
  }
}

function* steps(state: State, t: number, operation: Operation, cell: number, model: Model): Iterable<State> {
  const thread = state.threads[t]
  const { name, args } = operation
  const order = args.at(-1)
  const marked = model !== 'sc' && typeof order === 'string' && MARKS.includes(order)
  const with_ = (changed: Partial<Thread>, result?: Result): State => ({
    ...state,
    threads: replaced(state.threads, t, {
      ...thread,
      ...changed,
      ...(result !== undefined && { results: [...thread.results, result] }),
    }),
  })
  const change = CHANGES[name]
  const isChange = change !== undefined || name === 'compareExchange'
  const weakChange = marked && isChange && model === 'pso'
  const isFull = !marked || (isChange && model === 'tso')
  if (isFull && thread.delayed.length > 0) return
  if (name === 'wait' || name === 'notify') {
    yield* waiting(state, t, operation, cell)
    return
  }
  const history = state.cells[cell]
  const last = history.length - 1
  if (name === 'load') {
    if (isFull) yield with_({ fence: state.time }, history[last].value)
    else yield* loads(state, t, cell, order === 'acquire', model)
    return
  }
  if (name === 'store') {
    const value = Number(args[0])
    if (isFull) {
      if (isReserved(state, cell, t)) return
      const after = written(state, t, { ...thread, results: [...thread.results, value] }, cell, value)
      yield { ...after, threads: replaced(after.threads, t, { ...after.threads[t], fence: after.time }) }
    } else {
      const entry = { cell, value, release: order === 'release', reserved: false }
      yield with_({ delayed: [...thread.delayed, entry] }, value)
    }
    return
  }
  if (isReserved(state, cell, t) || thread.delayed.some(entry => entry.cell === cell)) return
  if (weakChange && order === 'release' && thread.delayed.length > 0) return
  const old = history[last].value
  const value = change !== undefined ? change(old, Number(args[0])) : old === args[0] ? Number(args[1]) : undefined
  const seen = replaced(thread.seen, cell, last)
  if (weakChange) {
    const fence = order === 'acquire' ? Math.max(thread.fence, history[last].time) : thread.fence
    const entry = value === undefined ? [] : [{ cell, value, release: false, reserved: true }]
    yield with_({ fence, seen, delayed: [...thread.delayed, ...entry] }, old)
  } else if (value === undefined) yield with_({ fence: state.time, seen }, old)
  else {
    const after = written(state, t, { ...thread, results: [...thread.results, old] }, cell, value)
    yield { ...after, threads: replaced(after.threads, t, { ...after.threads[t], fence: after.time }) }
  }
}

/** A load that is marked: what the thread has delayed itself, or any value that is not too old. */
function* loads(state: State, t: number, cell: number, acquire: boolean, model: Model): Iterable<State> {
  const thread = state.threads[t]
  const found = (changed: Partial<Thread>, value: number): State => ({
    ...state,
    threads: replaced(state.threads, t, { ...thread, ...changed, results: [...thread.results, value] }),
  })
  const own = thread.delayed.findLast(entry => entry.cell === cell)
  const history = state.cells[cell]
  const last = history.length - 1
  // Where an acquire finds what the thread's own read-modify-write left, that comes first.
  if (own?.reserved && acquire) return
  if (own !== undefined) yield found({}, own.value)
  else {
    for (let n = model === 'pso' ? thread.seen[cell] : last; n <= last; n++) {
      if (n < last && history[n + 1].time <= thread.fence) continue
      const fence = acquire && model === 'pso' ? Math.max(thread.fence, history[n].time) : thread.fence
      yield found({ fence, seen: replaced(thread.seen, cell, n) }, history[n].value)
    }
  }
}

function* waiting(state: State, t: number, { name, args }: Operation, cell: number): Iterable<State> {
  const thread = state.threads[t]
  const went = (changed: Partial<Thread>, result?: Result): readonly Thread[] =>
    replaced(state.threads, t, {
      ...thread,
      fence: state.time,
      ...changed,
      ...(result !== undefined && { results: [...thread.results, result] }),
    })
  if (name === 'wait') {
    if (thread.sleeps === -2) yield { ...state, threads: went({ sleeps: -1 }, 'ok') }
    else if (thread.sleeps < 0) {
      if (state.cells[cell].at(-1)!.value !== args[0]) yield { ...state, threads: went({}, 'not-equal') }
      else yield { ...state, threads: went({ sleeps: cell }), queue: [...state.queue, t] }
    }
    return
  }
  const woken = state.queue.filter(other => state.threads[other].sleeps === cell).slice(0, Number(args[0] ?? 1e9))
  const threads = went({}, woken.length)
  yield {
    ...state,
    threads: threads.map((one, n) => (woken.includes(n) ? { ...one, sleeps: -2 } : one)),
    queue: state.queue.filter(other => !woken.includes(other)),
  }
}

function memoised<A extends readonly unknown[], R>(from: (...args: A) => R): (...args: A) => R {
  const known = new Map<string, R>()
  return (...args) => {
    const key = JSON.stringify(args)
    if (!known.has(key)) known.set(key, from(...args))
    return known.get(key)!
  }
}
