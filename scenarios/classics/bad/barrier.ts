/**
 * Who waits looks at the number of threads that have arrived: it is 0 when the barrier opens.
 *
 * 1. Thread 0 arrives, and waits. Thread 1 arrives as the last one, and sets the number to 0.
 * 2. Thread 1 hurries on to the second crossing, and arrives there: the number is 1.
 * 3. Thread 0 looks again and finds 1. It missed the moment, and waits at the first crossing for thread 1, who waits at
 *    the second one for it.
 *
 * Source: A. B. Downey, "The Little Book of Semaphores", section 3.6, the reusable barrier.
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { barrier } from '../barrier.ts'

export default defineScenario({
  name: 'barrier-bad',
  summary: 'a barrier that is open while its count is 0: who is slow misses it, and all wait for ever',
  tags: ['bad'],
  // wrong: the next crossing has the same count
  ...barrier(({ arrived }) => Atomics.load(arrived, 0) === 0),
})
