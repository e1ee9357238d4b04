/**
 * Peterson's lock for two threads. Who wants to enter says so, gives way, and waits while the other one wants to enter
 * and has been given way.
 *
 * G. L. Peterson, "Myths about the mutual exclusion problem", Information Processing Letters 12(3), 1981.
 */
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells, criticalSection } from './_classic.ts'

export interface Peterson {
  readonly wants: Int32Array
  /** Whose turn it is. */
  readonly turn: Int32Array
  readonly inside: Int32Array
}

/** @param ask says that a thread wants to enter, and gives way */
export const peterson = (ask: (shared: Peterson, me: number) => void): Classic<Peterson> => ({
  setup: () => ({ wants: cells(2), turn: cells(), inside: cells() }),
  threads: {
    contender: {
      count: 2,
      run: ({ shared, index: me, fail }) => {
        const { wants, turn, inside } = shared
        const other = 1 - me
        ask(shared, me)
        while (Atomics.load(wants, other) === 1 && Atomics.load(turn, 0) === other);
        criticalSection(inside, fail)
        Atomics.store(wants, me, 0)
      },
    },
  },
})

export default defineScenario({
  name: 'peterson',
  summary: "Peterson's lock: who wants to enter says so, and then gives way",
  tags: ['classic'],
  ...peterson(({ wants, turn }, me) => {
    Atomics.store(wants, me, 1)
    Atomics.store(turn, 0, 1 - me)
  }),
})
