/** The seqlock, tortured: readers without a lock, and those that have lost too often, beside writers. */
import { objectAt, type Region } from '../../lib/shm/arena.ts'
import { SEQLOCK, Seqlock } from '../../lib/sync/seqlock.ts'
import { locktorture } from '../workloads/locktorture.ts'
import { bothWays } from '../workloads/torturer.ts'

export default locktorture<Region>({
  name: 'lock-seqlock',
  summary: 'locktorture of the seqlock',
  reads: true,
  reserve: (builder, locks) => builder.region('seqlock', SEQLOCK, locks, { ownLines: true }),
  open: (cpu, image, locks) => ({
    locks: Array.from({ length: locks }, (_, n) => {
      const lock = new Seqlock(cpu, objectAt(image, n))
      return {
        ...bothWays(lock),
        lockless: {
          begin: () => lock.readBegin(),
          retry: begun => lock.readRetry(begun),
        },
      }
    }),
  }),
})
