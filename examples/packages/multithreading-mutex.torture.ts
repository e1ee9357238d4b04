/**
 * multithreading 0.3.52: its Mutex and Condvar. Needs Node 21 or later, as the package does.
 *
 *     torture run ./multithreading-mutex.torture.ts --duration 1m
 *     torture explore ./multithreading-mutex.torture.ts
 */
import assert from 'node:assert/strict'
import { Condvar, Mutex } from 'multithreading'
import { defineScenario } from 'torture'

const sab = () => new SharedArrayBuffer(4)

export default defineScenario({
  name: 'multithreading-mutex',
  summary: 'items are counted in and out under a mutex, and nobody sleeps for ever',
  tags: ['package'],
  params: { items: { default: 2, min: 1, max: 1000, describe: 'items of each producer' } },
  setup: () => ({ mutex: sab(), filled: sab(), items: new Int32Array(sab()) }),
  threads: {
    producer: {
      count: 2,
      open: ({ shared }) => ({ mutex: new Mutex(undefined, shared.mutex), filled: new Condvar(shared.filled) }),
      run: ({ local: { mutex, filled }, shared: { items }, params }) => {
        for (let n = 0; n < params.items; n++) {
          const guard = mutex.blockingLock()
          Atomics.store(items, 0, Atomics.load(items, 0) + 1)
          guard.dispose()
          filled.notifyOne()
        }
      },
    },
    consumer: {
      open: ({ shared }) => ({ mutex: new Mutex(undefined, shared.mutex), filled: new Condvar(shared.filled) }),
      run: ({ local: { mutex, filled }, shared: { items }, params, threads }) => {
        for (let n = 0; n < params.items * threads.producer; n++) {
          const guard = mutex.blockingLock()
          while (Atomics.load(items, 0) === 0) filled.blockingWait(guard)
          Atomics.store(items, 0, Atomics.load(items, 0) - 1)
          guard.dispose()
        }
      },
    },
  },
  check: ({ shared }) => assert.equal(Atomics.load(shared.items, 0), 0, 'all items were taken'),
})
