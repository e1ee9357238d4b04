/** Every few calls of the queue of Michael and Scott, against what a queue is. */
import { queue } from '../../lib/check/linearizability/models.ts'
import { initMsQueue, MsQueue, type MsQueueImage, msQueueRegion } from '../../lib/lockless/ms-queue.ts'
import { defineScenario } from '../../torture/scenario.ts'
import { recorded } from '../workloads/calls.ts'

export default defineScenario({
  name: 'ms-queue-history',
  summary: 'the queue of Michael and Scott is linearizable',
  ...recorded<MsQueueImage>({
    put: 'enqueue',
    take: 'dequeue',
    reserve: msQueueRegion,
    init: initMsQueue,
    open: (w, image) => new MsQueue(w, image),
  }),
  history: { model: queue({ empty: 0 }) },
})
