/**
 * The holder looks whether anybody waits, and then gives the mutex up: a lost wake-up.
 *
 * 1. Thread 0 holds the mutex, and is about to leave. It sees that nobody waits.
 * 2. Thread 1 comes, says that it waits, and falls asleep.
 * 3. Thread 0 gives the mutex up and wakes nobody. Thread 1 sleeps for ever beside a free lock.
 *
 * Source: U. Drepper, "Futexes are tricky", 2011, on why every step on the word must be one atomic operation.
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { CONTENDED, FREE, futexMutex } from '../futex-mutex.ts'

export default defineScenario({
  name: 'futex-mutex-bad',
  summary: 'a futex mutex that looks for sleepers before it is given up: a wake-up gets lost',
  tags: ['bad'],
  ...futexMutex(mutex => {
    const contended = Atomics.load(mutex, 0) === CONTENDED // wrong: looks, and then gives up
    Atomics.store(mutex, 0, FREE)
    return contended
  }),
})
