/** The queue of Michael and Scott under hazard pointers: all threads append and take. */
import {
  HazardQueue,
  type HazardQueueImage,
  hazardQueueRegion,
  initHazardQueue,
} from '../../lib/lockless/ms-queue-hazard.ts'
import { defineScenario } from '../../torture/scenario.ts'
import { exchange } from '../workloads/tokens.ts'

export default defineScenario({
  name: 'ms-queue-hazard',
  summary: 'the queue of Michael and Scott, whose nodes are freed under hazard pointers',
  ...exchange<HazardQueueImage>({
    fifo: true,
    dummies: 1,
    reserve: hazardQueueRegion,
    init: initHazardQueue,
    open: (w, image, thread) => new HazardQueue(w, image, thread),
  }),
})
