/**
 * 01. A message and a flag
 *
 * The first pattern that everybody uses, often without a name: one thread prepares something, and then says that it is
 * ready. Nobody is kept out of anything; what counts is the order. If the reader sees the flag, the message must be there.
 *
 * Neither a compiler nor a processor keeps that order by itself: to them the two stores have nothing to do with each
 * other. So the writer's store of the flag is a **release**: all that was stored before is visible to whoever sees it.
 * And the reader's load of the flag is an **acquire**: nothing after it is read any earlier. They go in pairs. A release
 * that nobody acquires orders nothing, and neither does an acquire of something that was stored in any other way.
 *
 * What the message itself is read and written with does not matter then: relaxed will do, and a plain access would.
 *
 * P. Bonzini, "An introduction to lockless algorithms", LWN.net, 19 February 2021.
 *
 * $ npx torture explore 01-message-passing --seed 1 --cpus 1
 * ✔ 01-message-passing.1  nothing found, and nothing left to explore within the bounds
 *   work     14 executions, 579/s · 24 ms
 *   proof    all 2 classes of interleavings explored, …
 */
import type { Order } from '../../lib/shm/ordering.ts'
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells } from '../classics/_classic.ts'

export interface Shared {
  readonly message: Int32Array
  readonly ready: Int32Array
}

/** @param raise the order of the store of the flag */
export const messagePassing = (raise: Order): Classic<Shared> => ({
  setup: () => ({ message: cells(), ready: cells() }),
  threads: {
    writer: {
      run: ({ shared: { message, ready } }) => {
        Atomics.store(message, 0, 42, 'relaxed')
        Atomics.store(ready, 0, 1, raise)
      },
    },
    reader: {
      run: ({ shared: { message, ready }, fail }) => {
        if (Atomics.load(ready, 0, 'acquire') === 0) return
        const found = Atomics.load(message, 0, 'relaxed')
        if (found !== 42) fail('the flag was seen, and not the message', { found })
      },
    },
  },
})

export default defineScenario({
  name: '01-message-passing',
  summary: 'a message and a flag: release and acquire',
  tags: ['pattern', 'lockless'],
  ...messagePassing('release'),
})
