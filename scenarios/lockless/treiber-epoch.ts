/** Treiber's stack whose nodes are freed by epochs: all threads push and pop. */
import { EpochStack, type EpochStackImage, epochStackRegion, initEpochStack } from '../../lib/lockless/treiber-epoch.ts'
import { defineScenario } from '../../torture/scenario.ts'
import { exchange } from '../workloads/tokens.ts'

export default defineScenario({
  name: 'treiber-epoch',
  summary: "Treiber's stack, whose nodes are freed two epochs later",
  ...exchange<EpochStackImage>({
    fifo: false,
    reserve: epochStackRegion,
    init: initEpochStack,
    open: (w, image, thread) => new EpochStack(w, image, thread),
  }),
})
