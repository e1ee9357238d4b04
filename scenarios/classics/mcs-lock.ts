/**
 * The MCS lock: a queue of waiting threads in which each one spins on a cell of its own, until the one before it hands
 * the lock over.
 *
 * J. M. Mellor-Crummey and M. L. Scott, "Algorithms for scalable synchronization on shared-memory multiprocessors",
 * TOCS 9(1), 1991.
 */
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells, criticalSection } from './_classic.ts'

/** Thread n is node n + 1. */
const NONE = 0

export interface McsLock {
  /** The last node of the queue. */
  readonly tail: Int32Array
  /** By node: who is behind it. */
  readonly next: Int32Array
  /** By node: 1 until the lock is handed over to it. */
  readonly locked: Int32Array
  readonly inside: Int32Array
}

/** @param queueUp has a node wait behind another */
export const mcsLock = (queueUp: (lock: McsLock, me: number, before: number) => void): Classic<McsLock> => {
  const acquire = (lock: McsLock, me: number): void => {
    Atomics.store(lock.next, me, NONE)
    const before = Atomics.exchange(lock.tail, 0, me)
    if (before === NONE) return
    queueUp(lock, me, before)
    while (Atomics.load(lock.locked, me) === 1);
  }

  const release = ({ tail, next, locked }: McsLock, me: number): void => {
    let after = Atomics.load(next, me)
    if (after === NONE) {
      if (Atomics.compareExchange(tail, 0, me, NONE) === me) return
      // Somebody has taken the place behind us, and is about to say who it is.
      while (after === NONE) after = Atomics.load(next, me)
    }
    Atomics.store(locked, after, 0)
  }

  return {
    setup: ({ threads }) => {
      const nodes = threads.contender + 1
      return { tail: cells(), next: cells(nodes), locked: cells(nodes), inside: cells() }
    },
    threads: {
      contender: {
        count: 2,
        run: ({ shared: lock, index, fail }) => {
          const me = index + 1
          acquire(lock, me)
          criticalSection(lock.inside, fail)
          release(lock, me)
        },
      },
    },
  }
}

export default defineScenario({
  name: 'mcs-lock',
  summary: 'an MCS lock: a node is marked as waiting before others can see it',
  tags: ['classic'],
  ...mcsLock(({ next, locked }, me, before) => {
    Atomics.store(locked, me, 1)
    Atomics.store(next, before, me)
  }),
})
