/**
 * multithreading 0.3.52: its RwLock, Semaphore and Barrier. Needs Node 21 or later, as the package does.
 *
 *     torture run ./multithreading-locks.torture.ts --duration 1m
 *     torture explore ./multithreading-locks.torture.ts --param phases=1
 */
import assert from 'node:assert/strict'
import { Barrier, RwLock, Semaphore } from 'multithreading'
import { defineScenario } from 'torture'

const WRITERS = 0
const READERS = 1
const HOLDERS = 2
const ARRIVED = 3
const CELLS = 4
const PERMITS = 2

const words = (...values: number[]) => {
  const cells = new Int32Array(new SharedArrayBuffer(4 * values.length))
  cells.set(values)
  return cells.buffer as SharedArrayBuffer
}

export default defineScenario({
  name: 'multithreading-locks',
  summary: 'no reader beside a writer, no more holders than permits, no thread a phase ahead',
  tags: ['package'],
  params: { phases: { default: 2, min: 1, max: 1000, describe: 'phases of a round' } },
  setup: ({ threads }) => ({
    rwlock: words(0),
    semaphore: words(PERMITS, 0),
    barrier: words(0, threads.user, threads.user, 0),
    cells: new Int32Array(new SharedArrayBuffer(4 * CELLS)),
  }),
  threads: {
    user: {
      count: 3,
      open: ({ shared }) => ({
        rwlock: new RwLock(undefined, shared.rwlock),
        semaphore: new Semaphore(0, shared.semaphore),
        barrier: new Barrier(undefined, shared.barrier),
      }),
      run: ({ local: { rwlock, semaphore, barrier }, shared: { cells }, params, index, threads, fail }) => {
        for (let phase = 1; phase <= params.phases; phase++) {
          if ((index + phase) % threads.user === 0) {
            const guard = rwlock.blockingWrite()
            if (Atomics.add(cells, WRITERS, 1) !== 0 || Atomics.load(cells, READERS) !== 0)
              fail('a writer is not alone')
            Atomics.sub(cells, WRITERS, 1)
            guard.dispose()
          } else {
            const guard = rwlock.blockingRead()
            Atomics.add(cells, READERS, 1)
            if (Atomics.load(cells, WRITERS) !== 0) fail('a reader is beside a writer')
            Atomics.sub(cells, READERS, 1)
            guard.dispose()
          }
          const permit = semaphore.blockingAcquire(1 + (index % PERMITS))
          if (Atomics.add(cells, HOLDERS, permit.amount) + permit.amount > PERMITS) fail('more permits than there are')
          Atomics.sub(cells, HOLDERS, permit.amount)
          permit.dispose()
          Atomics.add(cells, ARRIVED, 1)
          barrier.blockingWait()
          if (Atomics.load(cells, ARRIVED) < phase * threads.user) fail('a thread went past the barrier alone')
        }
      },
    },
  },
  check: ({ shared }) => {
    const [permits, waiters] = new Int32Array(shared.semaphore)
    assert.equal(permits, PERMITS, 'all permits are back')
    assert.equal(waiters, 0, 'nobody is counted as waiting')
    assert.equal(new Int32Array(shared.rwlock)[0], 0, 'the lock is free')
  },
})
