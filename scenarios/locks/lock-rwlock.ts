/** The queued rwlock, tortured. */
import { objectAt, type Region } from '../../lib/shm/arena.ts'
import { qnodeRegion } from '../../lib/sync/queued-spinlock.ts'
import { RWLOCK, Rwlock } from '../../lib/sync/rwlock.ts'
import { locktorture } from '../workloads/locktorture.ts'
import { bothWays } from '../workloads/torturer.ts'

export default locktorture<{ readonly locks: Region; readonly nodes: Region }>({
  name: 'lock-rwlock',
  summary: "locktorture of the kernel's queued read-write spinlock",
  reads: true,
  reserve: (builder, locks, cpus) => ({
    locks: builder.region('rwlock', RWLOCK, locks, { ownLines: true }),
    nodes: qnodeRegion(builder, cpus),
  }),
  open: (cpu, image, locks) => ({
    locks: Array.from({ length: locks }, (_, n) => bothWays(new Rwlock(cpu, image.nodes, objectAt(image.locks, n)))),
  }),
})
