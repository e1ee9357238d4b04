/** The range lock, tortured as a lock of one range; scenario `ranges` has ranges that overlap. */
import type { Region } from '../../lib/shm/arena.ts'
import {
  initRangeLocks,
  RangeLock,
  type RangeLockImage,
  RangeNodes,
  rangeLockRegion,
} from '../../lib/sync/range-lock.ts'
import { Rcu, type RcuImage, rcuRegion } from '../../lib/sync/rcu.ts'
import { waiterRegion } from '../../lib/sync/rwsem.ts'
import { locktorture } from '../workloads/locktorture.ts'
import type { Way } from '../workloads/torturer.ts'

interface Image {
  readonly locks: RangeLockImage
  readonly waiters: Region
  readonly rcu: RcuImage
}

/** All of it. */
const START = 0
const END = 1

function way(lock: RangeLock, reader: boolean): Way {
  let node = 0
  return {
    lock: () => {
      node = lock.lock(START, END, reader)
    },
    tryLock: () => {
      node = lock.tryLock(START, END, reader)
      return node !== 0
    },
    unlock: () => lock.unlock(node),
  }
}

export default locktorture<Image>({
  name: 'lock-range',
  summary: 'locktorture of the list-based range lock',
  reads: true,
  reserve: (builder, locks, cpus) => ({
    locks: rangeLockRegion(builder, locks, cpus),
    waiters: waiterRegion(builder, cpus),
    rcu: rcuRegion(builder, cpus),
  }),
  init: (words, { locks }) => initRangeLocks(words, locks),
  open: (cpu, image, locks) => {
    const rcu = new Rcu(cpu, image.rcu)
    const nodes = new RangeNodes(cpu, image.locks, rcu)
    return {
      locks: Array.from({ length: locks }, (_, n) => {
        const lock = new RangeLock(cpu, image.waiters, image.locks, n, rcu, nodes)
        return { write: way(lock, false), read: way(lock, true) }
      }),
      poll: () => rcu.poll(),
      drain: () => rcu.barrier(),
    }
  },
})
