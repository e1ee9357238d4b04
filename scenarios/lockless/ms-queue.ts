/** The queue of Michael and Scott with counted links: all threads append and take. */
import { initMsQueue, MsQueue, type MsQueueImage, msQueueRegion } from '../../lib/lockless/ms-queue.ts'
import { defineScenario } from '../../torture/scenario.ts'
import { exchange } from '../workloads/tokens.ts'

export default defineScenario({
  name: 'ms-queue',
  summary: 'the queue of Michael and Scott, whose links count their changes',
  ...exchange<MsQueueImage>({
    fifo: true,
    dummies: 1,
    reserve: msQueueRegion,
    init: initMsQueue,
    open: (w, image) => new MsQueue(w, image),
  }),
})
