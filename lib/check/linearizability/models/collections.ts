/** Sets and maps. Their histories fall into parts, one a key. */
import type { Model } from '../model.ts'

/** `add(item) → whether it was not there`, `remove(item) → whether it was there`, `has(item) → whether it is there`. */
export function set({ initial = [] }: { readonly initial?: readonly number[] } = {}): Model<readonly number[]> {
  return {
    name: 'a set',
    operations: ['add', 'remove', 'has'],
    initial: [...initial].sort(ascending),
    key: items => items.join(' '),
    partition: ({ args }) => args[0],
    apply: (items, { operation, args: [item] }) => {
      const there = items.includes(item)
      if (operation === 'has') return { state: items, returns: there }
      if (operation === 'add') return { state: there ? items : [...items, item].sort(ascending), returns: !there }
      return { state: there ? items.filter(other => other !== item) : items, returns: there }
    },
  }
}

const ascending = (a: number, b: number) => a - b

/** Pairs of key and value. */
type Entries = readonly (readonly [number, number])[]

/**
 * `get(key) → value`, `has(key) → whether`, `set(key, value)`, `put(key, value) → the value before`,
 * `delete(key) → whether it was there`.
 * @param options.missing what `get` and `put` return where there is no value. Default: nothing
 */
export function map({
  initial = [],
  missing,
}: {
  readonly initial?: Entries
  readonly missing?: number
} = {}): Model<ReadonlyMap<number, number>> {
  return {
    name: 'a map',
    operations: ['get', 'has', 'set', 'put', 'delete'],
    initial: new Map(initial),
    key: entries =>
      [...entries]
        .sort(([a], [b]) => a - b)
        .map(([key, value]) => `${key}:${value}`)
        .join(' '),
    partition: ({ args }) => args[0],
    apply: (entries, { operation, args: [key, value] }) => {
      const before = entries.has(key) ? entries.get(key) : missing
      switch (operation) {
        case 'get':
          return { state: entries, returns: before }
        case 'has':
          return { state: entries, returns: entries.has(key) }
        case 'set':
          return { state: new Map(entries).set(key, value) }
        case 'put':
          return { state: new Map(entries).set(key, value), returns: before }
        default: {
          const after = new Map(entries)
          return { returns: after.delete(key), state: after }
        }
      }
    },
  }
}
