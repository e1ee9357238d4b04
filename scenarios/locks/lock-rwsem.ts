/** The read-write semaphore, tortured as all locks are; scenario `rwsem` has all that it can do besides. */
import { objectAt, type Region } from '../../lib/shm/arena.ts'
import { RWSEM, Rwsem, waiterRegion } from '../../lib/sync/rwsem.ts'
import { locktorture } from '../workloads/locktorture.ts'

export default locktorture<{ readonly locks: Region; readonly waiters: Region }>({
  name: 'lock-rwsem',
  summary: "locktorture of the kernel's read-write semaphore",
  reads: true,
  reserve: (builder, locks, cpus) => ({
    locks: builder.region('rwsem', RWSEM, locks, { ownLines: true }),
    waiters: waiterRegion(builder, cpus),
  }),
  open: (cpu, image, locks) => ({
    locks: Array.from({ length: locks }, (_, n) => {
      const lock = new Rwsem(cpu, image.waiters, objectAt(image.locks, n))
      return {
        write: {
          lock: () => lock.downWrite(),
          tryLock: () => lock.downWriteTrylock(),
          unlock: () => lock.upWrite(),
        },
        read: {
          lock: () => lock.downRead(),
          tryLock: () => lock.downReadTrylock(),
          unlock: () => lock.upRead(),
        },
      }
    }),
  }),
})
