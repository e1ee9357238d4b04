/**
 * A mutex that sleeps: one word, and a system call only where somebody waits.
 *
 * U. Drepper, "Futexes are tricky", 2011, his second mutex with an exchange.
 */
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells, criticalSection } from './_classic.ts'

export const FREE = 0
const HELD = 1
/** Held, and somebody may be asleep. */
export const CONTENDED = 2

export interface FutexMutex {
  readonly mutex: Int32Array
  readonly inside: Int32Array
}

/** @param free gives the mutex up; returns whether somebody may be asleep */
export const futexMutex = (free: (mutex: Int32Array) => boolean): Classic<FutexMutex> => {
  const lock = (mutex: Int32Array): void => {
    if (Atomics.compareExchange(mutex, 0, FREE, HELD) === FREE) return
    while (Atomics.exchange(mutex, 0, CONTENDED) !== FREE) Atomics.wait(mutex, 0, CONTENDED)
  }

  const unlock = (mutex: Int32Array): void => {
    if (free(mutex)) Atomics.notify(mutex, 0, 1)
  }

  return {
    setup: () => ({ mutex: cells(), inside: cells() }),
    threads: {
      contender: {
        count: 2,
        run: ({ shared: { mutex, inside }, fail }) => {
          lock(mutex)
          criticalSection(inside, fail)
          unlock(mutex)
        },
      },
    },
  }
}

export default defineScenario({
  name: 'futex-mutex',
  summary: 'a futex mutex: it is given up, and asked whether anybody waits, in one step',
  tags: ['classic'],
  ...futexMutex(mutex => Atomics.exchange(mutex, 0, FREE) === CONTENDED),
})
