/** Random programs for the simulated machine, the same ones for the same seed. */

import { type Board, nthOf, sizeOf } from '../../torture/explore/board.ts'
import { SharedRandom } from '../../torture/explore/random.ts'
import type { Strategy } from '../../torture/explore/strategy.ts'
import { add, clock, compareExchange, exchange, gate, load, notify, type Program, store, wait } from './machine.ts'

/** Any of those that can go, each as likely as the others. */
export class AnyOf implements Strategy {
  readonly name = 'any'
  begin = (): boolean => true
  choose = ({ eligible, random }: Board): number => nthOf(eligible, random.below(sizeOf(eligible)))
  end(): void {}
}

export function seeded(seed: number): SharedRandom {
  const random = new SharedRandom(new Uint32Array(4))
  random.seed(seed)
  return random
}

const CELLS = 3

/** An operation, with what it returns mixed into what the thread knows. */
function* operate(choice: number, cell: number, value: number): Generator<any, unknown, any> {
  if (choice < 4) return yield* load(cell)
  if (choice < 8) return yield* store(cell, value)
  if (choice < 10) return yield* add(cell, value)
  if (choice < 11) return yield* exchange(cell, value)
  if (choice < 14) return yield* compareExchange(cell, value & 1, value)
  if (choice < 16) return yield* notify(cell, 1 + (value & 1))
  if (choice < 17) return yield* clock()
  return yield* wait(cell, value & 1, choice > 17)
}

/**
 * @param length most operations of a thread
 * @param blocking whether threads wait, and spin
 */
export function randomPrograms(
  seed: number,
  options: { threads: number; length: number; blocking?: boolean },
): Program[] {
  const { threads, length, blocking = false } = options
  const random = seeded(seed)
  return Array.from({ length: threads }, () => {
    const operations = Array.from({ length: 1 + random.below(length) }, () => ({
      choice: random.below(blocking ? 20 : 14),
      cell: random.below(CELLS),
      value: random.below(4),
      /** Whether the value written depends on what was found before. */
      depends: random.below(2) === 0,
    }))
    const spins = blocking && random.below(3) === 0
    return function* () {
      const found: unknown[] = []
      for (const { choice, cell, value, depends } of operations) {
        const known = depends && typeof found.at(-1) === 'number' ? ((found.at(-1) as number) + value) & 7 : value
        found.push(yield* operate(choice, cell, known))
      }
      if (spins) while ((yield* load(0)) === 0) found.push(yield* load(1))
      return found
    }
  })
}

/** The same programs, each behind a part that is done in the order of the threads. */
export const opened = (programs: readonly Program[]): Program[] =>
  programs.map(
    program =>
      function* (thread: number) {
        yield* store(CELLS, thread)
        yield* gate()
        return yield* program(thread)
      },
  )
