/**
 * What a body does next, without threads: it is run from its beginning with the results that its operations had so far,
 * and left at the first one that has none yet. For bodies that do the same whenever they find the same.
 */
import type { Scenario } from '../../torture/scenario.ts'

const NAMES = [
  'load',
  'store',
  'add',
  'sub',
  'and',
  'or',
  'xor',
  'exchange',
  'compareExchange',
  'wait',
  'notify',
] as const
export type Name = (typeof NAMES)[number]
export type Result = number | 'ok' | 'not-equal' | 'timed-out'

export interface Operation {
  readonly name: Name
  readonly cells: Int32Array
  readonly index: number
  /** What follows the index, the order among it. */
  readonly args: readonly (number | string | undefined)[]
}

export type Method = (cells: Int32Array, index: number, ...args: (number | string | undefined)[]) => Result
export type Methods = Readonly<Record<Name, Method>>

/** The present methods of the realm. */
export const methods = (): Methods => {
  const realm = Atomics as unknown as Methods
  return Object.fromEntries(NAMES.map(name => [name, realm[name]])) as Methods
}

class Frontier {
  readonly operation: Operation

  constructor(operation: Operation) {
    this.operation = operation
  }
}

let given: readonly Result[] | undefined
let used = 0

/** Puts recording methods into the realm: they do what was there before, except in `nextOf`. */
export function record(): void {
  const before = methods()
  const realm = Atomics as unknown as Record<string, Method>
  for (const name of NAMES) {
    realm[name] = (cells, index, ...args) => {
      if (given === undefined) return before[name](cells, index, ...args)
      if (used < given.length) return given[used++]
      throw new Frontier({ name, cells, index, args })
    }
  }
}

export type Body = () => unknown
export type Next = { readonly operation: Operation } | { readonly returned: unknown }

export function nextOf(body: Body, results: readonly Result[]): Next {
  given = results
  used = 0
  try {
    return { returned: body() }
  } catch (thrown) {
    if (thrown instanceof Frontier) return { operation: thrown.operation }
    throw thrown
  } finally {
    given = undefined
  }
}

export interface Subject {
  readonly bodies: readonly Body[]
  readonly cells: readonly Int32Array[]
  /** What it came to, from what the bodies returned and what is in the cells. */
  readonly outcome: (returned: readonly unknown[]) => string
}

/** A scenario whose threads are one of each body. */
export function subjectOf(scenario: Scenario, params: Readonly<Record<string, unknown>> = {}): Subject {
  const names = Object.keys(scenario.threads)
  const threads = Object.fromEntries(names.map(name => [name, 1]))
  const shared = scenario.setup({ params, threads, random: undefined } as never) as Record<string, Int32Array>
  return {
    bodies: names.map(name => () => scenario.threads[name].run({ shared, params } as never)),
    cells: Object.values(shared),
    outcome: returned =>
      [...returned, scenario.final?.({ shared, params } as never)]
        .flat()
        .filter(value => value !== undefined)
        .join(),
  }
}
