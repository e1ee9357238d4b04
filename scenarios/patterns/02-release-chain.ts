/**
 * 02. Happens before, from hand to hand
 *
 * What happens before is handed on. The first thread releases a flag, the second acquires it and releases another one, the
 * third acquires that: and the third sees what the first did, though they have no cell in common but the data. Nothing
 * else makes lockless code possible to reason about: one looks at two threads at a time, and joins the arrows.
 *
 * A chain is as strong as its weakest link. Each thread that reads a flag must acquire, and each that hands the
 * knowledge on must release; the one in the middle too, who never looks at the data.
 *
 * P. Bonzini, "An introduction to lockless algorithms", LWN.net, 19 February 2021.
 *
 * $ npx torture explore 02-release-chain --seed 1 --cpus 1
 * ✔ 02-release-chain.1  nothing found, and nothing left to explore within the bounds
 *   work     15 executions, 1.30 k/s · 12 ms
 *   proof    all 3 classes of interleavings explored, …
 */
import type { Order } from '../../lib/shm/ordering.ts'
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells } from '../classics/_classic.ts'

export interface Shared {
  readonly data: Int32Array
  readonly first: Int32Array
  readonly second: Int32Array
}

/** @param last the order in which the last thread looks at its flag */
export const releaseChain = (last: Order): Classic<Shared> => ({
  setup: () => ({ data: cells(), first: cells(), second: cells() }),
  threads: {
    author: {
      run: ({ shared: { data, first } }) => {
        Atomics.store(data, 0, 42, 'relaxed')
        Atomics.store(first, 0, 1, 'release')
      },
    },
    messenger: {
      run: ({ shared: { first, second } }) => {
        if (Atomics.load(first, 0, 'acquire') === 1) Atomics.store(second, 0, 1, 'release')
      },
    },
    reader: {
      run: ({ shared: { data, second }, fail }) => {
        if (Atomics.load(second, 0, last) === 0) return
        const found = Atomics.load(data, 0, 'relaxed')
        if (found !== 42) fail('word of the data has come, and the data has not', { found })
      },
    },
  },
})

export default defineScenario({
  name: '02-release-chain',
  summary: 'happens before is handed on: three threads, two flags',
  tags: ['pattern', 'lockless'],
  ...releaseChain('acquire'),
})
