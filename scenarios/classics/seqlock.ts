/**
 * The seqlock: readers write nothing. A writer makes the sequence odd, changes the data, and makes it even again; a
 * reader tries until it has found the same even number before and after.
 *
 * It is famous for how much order it needs; H.-J. Boehm, "Can seqlocks get along with programming language memory
 * models?", MSPC 2012, gives the orderings that are used here. From the Linux kernel, 2.5.60.
 */
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells } from './_classic.ts'

export interface Seqlock {
  readonly sequence: Int32Array
  /** Two words that are equal whenever nobody writes. */
  readonly pair: Int32Array
}

/** @param begin returns the sequence that a reader starts from */
export const seqlock = (begin: (sequence: Int32Array) => number): Classic<Seqlock> => ({
  setup: () => ({ sequence: cells(), pair: cells(2) }),
  threads: {
    writer: {
      run: ({ shared: { sequence, pair } }) => {
        Atomics.store(sequence, 0, 1, 'relaxed')
        Atomics.store(pair, 0, 1, 'release')
        Atomics.store(pair, 1, 1, 'release')
        Atomics.store(sequence, 0, 2, 'release')
      },
    },
    reader: {
      run: ({ shared: { sequence, pair }, fail }) => {
        let before: number
        let first: number
        let second: number
        do {
          before = begin(sequence)
          first = Atomics.load(pair, 0, 'acquire')
          second = Atomics.load(pair, 1, 'acquire')
        } while (Atomics.load(sequence, 0, 'relaxed') !== before)
        if (first !== second) fail('a reader saw half of a write', { first, second })
      },
    },
  },
})

export default defineScenario({
  name: 'seqlock',
  summary: 'a seqlock: a reader waits until nobody writes, and begins then',
  tags: ['classic'],
  ...seqlock(sequence => {
    for (;;) {
      const before = Atomics.load(sequence, 0, 'acquire')
      if ((before & 1) === 0) return before
    }
  }),
})
