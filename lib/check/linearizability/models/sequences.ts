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
}

const key = (items: Items): string => items.join(' ')

/** `enqueue(item)`, `dequeue() → item`, `peek() → item`, `size()`. */
export function queue(options: SequenceOptions = {}): Model<Items> {
  const { initial = [], empty } = options
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
          return items.length === 0 ? { state: items, returns: empty } : { state: items.slice(1), returns: items[0] }
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
  const { initial = [], empty } = options
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
          return { state: items.slice(0, -1), returns: top }
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
  const { initial = [], empty, abort } = options
  return {
    name: 'a deque with thieves',
    operations: ['push', 'take', 'steal'],
    initial,
    key,
    apply: (items, { operation, args }) => {
      if (operation === 'push') return putIn(items, args[0], options)
      if (operation === 'take')
        return { state: items.slice(0, -1), returns: items.length === 0 ? empty : items[items.length - 1] }
      const stolen: Effect<Items> =
        items.length === 0 ? { state: items, returns: empty } : { state: items.slice(1), returns: items[0] }
      return abort === undefined ? stolen : [stolen, { state: items, returns: abort }]
    },
  }
}

function putIn(items: Items, item: number, { capacity, full = false }: SequenceOptions): Effect<Items> {
  if (capacity === undefined) return { state: [...items, item] }
  return items.length < capacity ? { state: [...items, item], returns: true } : { state: items, returns: full }
}
