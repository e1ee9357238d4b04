/**
 * A barrier that can be used again: nobody passes before all have arrived, and who is quick may be at the next crossing
 * before the slow have left this one. So each crossing is told from the next by a generation.
 *
 * D. Hensgen, R. Finkel and U. Manber, "Two algorithms for barrier synchronization", IJPP 17(1), 1988.
 */
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells } from './_classic.ts'

const CROSSINGS = 2

export interface Barrier {
  /** Threads that have arrived at the present crossing. */
  readonly arrived: Int32Array
  readonly generation: Int32Array
  /** By thread: the crossing that it has come to. */
  readonly reached: Int32Array
}

/** @param isOpen whether the crossing that a thread has come to is open */
export const barrier = (isOpen: (barrier: Barrier, generation: number) => boolean): Classic<Barrier> => {
  const cross = (shared: Barrier, threads: number): void => {
    const { arrived, generation } = shared
    const mine = Atomics.load(generation, 0)
    if (Atomics.add(arrived, 0, 1) === threads - 1) {
      Atomics.store(arrived, 0, 0)
      Atomics.store(generation, 0, mine + 1)
    } else while (!isOpen(shared, mine));
  }

  return {
    setup: ({ threads }) => ({ arrived: cells(), generation: cells(), reached: cells(threads.walker) }),
    threads: {
      walker: {
        count: 2,
        run: ({ shared, index, threads: { walker: threads }, fail }) => {
          const { reached } = shared
          for (let crossing = 1; crossing <= CROSSINGS; crossing++) {
            Atomics.store(reached, index, crossing)
            cross(shared, threads)
            if (Atomics.load(reached, (index + 1) % threads) < crossing) fail('the barrier opened too early')
          }
        },
      },
    },
  }
}

export default defineScenario({
  name: 'barrier',
  summary: 'a reusable barrier: who waits waits for its own crossing to open',
  tags: ['classic'],
  ...barrier(({ generation }, mine) => Atomics.load(generation, 0) !== mine),
})
