/** Structures whose items are in an order: queues, stacks, and the deque that thieves steal from. */
import type { Effect, Model, Returned } from '../model.ts'

/** The state: what is in it, in its order. */
type Items = readonly number[]

/** How a structure begins, and what it says when it is full or empty. */
export interface SequenceOptions {
  /** What `setup` put in, in the order in which it was put in. */
  readonly initial?: Items
  /** Most items; then to put one in returns true, or `full` where there is no room. Default: no limit, and it returns nothing. */
  readonly capacity?: number
  readonly full?: Returned
  /** What to take from an empty one returns. Default: nothing. */
  readonly empty?: Returned
  /**
   * Whether it may seem full, or empty, when it is not: as a ring does while a place is claimed and not yet filled.
   * Default: no.
   */
  readonly mayFail?: boolean
}

const key = (items: Items): string => items.join(' ')

/** `enqueue(item)`, `dequeue() → item`, `peek() → item`, `size()`. */
export function queue(options: SequenceOptions = {}): Model<Items> {
  const { initial = [], empty, mayFail = false } = options
  return {
    name: options.capacity === undefined ? 'a FIFO queue' : `a FIFO queue of ${options.capacity}`,
    operations: ['enqueue', 'dequeue', 'peek', 'size'],
    initial,
    key,
    apply: (items, { operation, args }) => {
      switch (operation) {
        case 'enqueue':
          return putIn(items, args[0], options)
        case 'dequeue':
          return takeOut(items, items.slice(1), items[0], empty, mayFail)
        case 'peek':
          return { state: items, returns: items.length === 0 ? empty : items[0] }
        default:
          return { state: items, returns: items.length }
      }
    },
  }
}

/** `push(item)`, `pop() → item`, `peek() → item`, `size()`; `popAll() → items, the top first`. */
export function stack(options: SequenceOptions = {}): Model<Items> {
  const { initial = [], empty, mayFail = false } = options
  return {
    name: options.capacity === undefined ? 'a stack' : `a stack of ${options.capacity}`,
    operations: ['push', 'pop', 'peek', 'size', 'popAll'],
    initial,
    key,
    apply: (items, { operation, args }) => {
      const top: Returned = items.length === 0 ? empty : items[items.length - 1]
      switch (operation) {
        case 'push':
          return putIn(items, args[0], options)
        case 'pop':
          return takeOut(items, items.slice(0, -1), items[items.length - 1], empty, mayFail)
        case 'peek':
          return { state: items, returns: top }
        case 'popAll':
          return { state: [], returns: [...items].reverse() }
        default:
          return { state: items, returns: items.length }
      }
    },
  }
}

/**
 * A deque for work stealing: its owner calls `push(item)` and `take() → item` at the bottom, thieves `steal() → item` at
 * the top.
 * @param options.abort what `steal` may return whenever it was not quick enough. Default: a thief never gives up
 */
export function deque(options: SequenceOptions & { readonly abort?: number } = {}): Model<Items> {
  const { initial = [], empty, abort, mayFail = false } = options
  return {
    name: 'a deque with thieves',
    operations: ['push', 'take', 'steal'],
    initial,
    key,
    apply: (items, { operation, args }) => {
      if (operation === 'push') return putIn(items, args[0], options)
      if (operation === 'take') return takeOut(items, items.slice(0, -1), items[items.length - 1], empty, mayFail)
      const stolen = takeOut(items, items.slice(1), items[0], empty, mayFail)
      return abort === undefined ? stolen : [...stolen, { state: items, returns: abort }]
    },
  }
}

function putIn(items: Items, item: number, options: SequenceOptions): readonly Effect<Items>[] {
  const { capacity, full = false, mayFail = false } = options
  if (capacity === undefined) return [{ state: [...items, item] }]
  const failed = { state: items, returns: full }
  if (items.length >= capacity) return [failed]
  const done = { state: [...items, item], returns: true }
  return mayFail ? [done, failed] : [done]
}

function takeOut(items: Items, left: Items, item: number, empty: Returned, mayFail: boolean): readonly Effect<Items>[] {
  const failed = { state: items, returns: empty }
  if (items.length === 0) return [failed]
  const done = { state: left, returns: item }
  return mayFail ? [done, failed] : [done]
}
