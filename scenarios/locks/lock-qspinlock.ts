/** The queued spinlock, tortured. */
import { objectAt, type Region } from '../../lib/shm/arena.ts'
import { QUEUED_SPINLOCK, QueuedSpinlock, qnodeRegion } from '../../lib/sync/queued-spinlock.ts'
import { locktorture } from '../workloads/locktorture.ts'

export default locktorture<{ readonly locks: Region; readonly nodes: Region }>({
  name: 'lock-qspinlock',
  summary: "locktorture of the kernel's queued spinlock",
  reads: false,
  reserve: (builder, locks, cpus) => ({
    locks: builder.region('qspinlock', QUEUED_SPINLOCK, locks, { ownLines: true }),
    nodes: qnodeRegion(builder, cpus),
  }),
  open: (cpu, image, locks) => ({
    locks: Array.from({ length: locks }, (_, n) => ({
      write: new QueuedSpinlock(cpu, image.nodes, objectAt(image.locks, n)),
    })),
  }),
})
