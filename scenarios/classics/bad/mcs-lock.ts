/**
 * A node is linked into the queue first, and marked as waiting then.
 *
 * 1. Thread 0 has the lock. Thread 1 takes the place behind it and says so.
 * 2. Thread 0 leaves, finds 1 behind it, and hands the lock over: it clears 1's mark, which is not set yet.
 * 3. Thread 1 sets its mark, and waits for ever for somebody to clear it. The lock is its own.
 *
 * Source: J. M. Mellor-Crummey and M. L. Scott, "Algorithms for scalable synchronization on shared-memory
 * multiprocessors", 1991: the pseudo-code of acquire_lock has the two in the right order, for this reason.
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { mcsLock } from '../mcs-lock.ts'

export default defineScenario({
  name: 'mcs-lock-bad',
  summary: 'an MCS lock that links a node before it marks it as waiting: it waits for ever',
  tags: ['bad'],
  ...mcsLock(({ next, locked }, me, before) => {
    Atomics.store(next, before, me) // wrong: these two are swapped
    Atomics.store(locked, me, 1)
  }),
})
