/** The mutex that sleeps, tortured. */
import { objectAt, type Region } from '../../lib/shm/arena.ts'
import { Futex, type FutexImage, futexRegion } from '../../lib/sync/futex.ts'
import { MUTEX, Mutex } from '../../lib/sync/mutex.ts'
import { locktorture } from '../workloads/locktorture.ts'

export default locktorture<{ readonly locks: Region; readonly futex: FutexImage }>({
  name: 'lock-mutex',
  summary: 'locktorture of the futex mutex',
  reads: false,
  reserve: (builder, locks, cpus) => ({
    locks: builder.region('mutex', MUTEX, locks, { ownLines: true }),
    // Fewer buckets than locks: strangers meet in them.
    futex: futexRegion(builder, cpus, 2),
  }),
  open: (cpu, image, locks) => {
    const futex = new Futex(cpu, image.futex)
    return {
      locks: Array.from({ length: locks }, (_, n) => ({ write: new Mutex(cpu, futex, objectAt(image.locks, n)) })),
    }
  },
})
