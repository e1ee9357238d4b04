/**
 * A reader that wants to write waits until it is the only reader, and keeps its read lock meanwhile.
 *
 * 1. Both threads lock for reading.
 * 2. Both want to write, and sleep until the other one is gone. Neither ever goes.
 *
 * Source: the documentation of java.util.concurrent.locks.ReentrantReadWriteLock, which for this reason has no upgrade;
 * and the one of Boost's upgrade_lock, which only one thread can hold at a time.
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { ALONE, lockWrite, rwLock } from '../rwlock-upgrade.ts'

export default defineScenario({
  name: 'rwlock-upgrade-bad',
  summary: 'a reader-writer lock whose readers wait as readers to become writers: two of them do for ever',
  tags: ['bad'],
  ...rwLock(lock => {
    lockWrite(lock, ALONE) // wrong: it keeps its read lock
    return true
  }),
})
