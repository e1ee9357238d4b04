/**
 * The tail is read before the head. The tail never falls behind the head, so a head that was read first and is not the
 * tail has a node behind it; read the other way round, the tail may be an old one.
 *
 * 1. The consumer reads the tail of the empty queue: the dummy.
 * 2. The producer adds an item and takes it out again. The item's node is the dummy now, with nothing behind it.
 * 3. The consumer reads the head, which is that node, and not the tail that it read: so there must be something behind
 *    it. It takes what is not there.
 *
 * Source: M. M. Michael and M. L. Scott, "Simple, fast, and practical non-blocking and blocking concurrent queue
 * algorithms", PODC 1996, on consistent snapshots of head and tail, and what went wrong in earlier queues.
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { michaelScottQueue } from '../michael-scott-queue.ts'

export default defineScenario({
  name: 'michael-scott-queue-bad',
  summary: 'a Michael–Scott queue that reads the tail before the head: it runs off the end',
  tags: ['bad'],
  ...michaelScottQueue(({ head, tail }) => {
    const last = Atomics.load(tail, 0) // wrong: these two are swapped
    return [Atomics.load(head, 0), last]
  }),
})
