/** The spinlock, tortured. */
import { objectAt, type Region } from '../../lib/shm/arena.ts'
import { struct } from '../../lib/shm/layout.ts'
import { spinLock, spinTrylock, spinUnlock } from '../../lib/sync/spinlock.ts'
import { locktorture } from '../workloads/locktorture.ts'

const SPINLOCK = struct('spinlock', { owner: 'number of the owner + 1; 0: free' })

export default locktorture<Region>({
  name: 'lock-spinlock',
  summary: 'locktorture of the spinlock',
  reads: false,
  reserve: (builder, locks) => builder.region('spinlock', SPINLOCK, locks, { ownLines: true }),
  open: (cpu, image, locks) => ({
    locks: Array.from({ length: locks }, (_, n) => {
      const at = objectAt(image, n) + SPINLOCK.owner
      return {
        write: {
          lock: () => spinLock(cpu, at),
          tryLock: () => spinTrylock(cpu, at),
          unlock: () => spinUnlock(cpu, at),
        },
      }
    }),
  }),
})
