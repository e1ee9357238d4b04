/** The semaphore with one permit as a lock, tortured. */
import { objectAt, type Region } from '../../lib/shm/arena.ts'
import { Futex, type FutexImage, futexRegion } from '../../lib/sync/futex.ts'
import { initSemaphore, SEMAPHORE, Semaphore } from '../../lib/sync/semaphore.ts'
import { locktorture } from '../workloads/locktorture.ts'

export default locktorture<{ readonly locks: Region; readonly futex: FutexImage }>({
  name: 'lock-semaphore',
  summary: 'locktorture of a semaphore with one permit',
  reads: false,
  reserve: (builder, locks, cpus) => ({
    locks: builder.region('semaphore', SEMAPHORE, locks, { ownLines: true }),
    futex: futexRegion(builder, cpus, 2),
  }),
  init: (words, { locks }) => {
    for (let n = 0; n < locks.count; n++) initSemaphore(words, objectAt(locks, n), 1)
  },
  open: (cpu, image, locks) => {
    const futex = new Futex(cpu, image.futex)
    return {
      locks: Array.from({ length: locks }, (_, n) => {
        const semaphore = new Semaphore(cpu, futex, objectAt(image.locks, n))
        return {
          write: {
            lock: () => semaphore.down(),
            tryLock: () => semaphore.tryDown(),
            unlock: () => semaphore.up(),
          },
        }
      }),
    }
  },
})
