/**
 * sync-message-port 1.2.0: the counter that says how many messages wait. The ports themselves are Node's and cannot be
 * put into what `setup` returns; the counter is all that their two ends share.
 *
 *     torture run ./sync-message-port.torture.ts --duration 1m
 *     torture explore ./sync-message-port.torture.ts
 */
import assert from 'node:assert/strict'
import { defineScenario } from 'torture'
// The package does not export it: it is taken by its path.
import { AtomicCounter } from './node_modules/sync-message-port/dist/lib/atomic_counter.js'

export default defineScenario({
  name: 'sync-message-port',
  summary: 'a receiver that waits for the counter sees every message, and the close',
  tags: ['package'],
  params: { messages: { default: 3, min: 1, max: 1000, describe: 'messages of a round' } },
  setup: () => ({ counter: new SharedArrayBuffer(16), queue: new Int32Array(new SharedArrayBuffer(8)) }),
  threads: {
    sender: {
      open: ({ shared }) => new AtomicCounter(shared.counter),
      run: ({ local: counter, shared: { queue }, params }) => {
        for (let n = 0; n < params.messages; n++) {
          Atomics.add(queue, 0, 1)
          counter.increment()
        }
        Atomics.store(queue, 1, 1)
        counter.close()
      },
    },
    receiver: {
      open: ({ shared }) => new AtomicCounter(shared.counter),
      run: ({ local: counter, shared: { queue }, fail }) => {
        let received = 0
        for (;;) {
          if (!counter.wait()) fail('wait() ended although there is no time-out')
          // As receiveMessage does: whoever finds no message knows that the port is closed.
          if (Atomics.load(queue, 0) === 0) {
            if (Atomics.load(queue, 1) === 0) fail('woken, and there is neither a message nor an end')
            return received
          }
          Atomics.sub(queue, 0, 1)
          counter.decrement()
          received++
        }
      },
    },
  },
  check: ({ params, threads: { receiver = [] } }) => assert.equal(receiver[0], params.messages, 'messages received'),
})
