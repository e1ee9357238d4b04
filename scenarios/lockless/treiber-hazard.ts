/** Treiber's stack under hazard pointers: all threads push and pop. */
import {
  HazardStack,
  type HazardStackImage,
  hazardStackRegion,
  initHazardStack,
} from '../../lib/lockless/treiber-hazard.ts'
import { defineScenario } from '../../torture/scenario.ts'
import { exchange } from '../workloads/tokens.ts'

export default defineScenario({
  name: 'treiber-hazard',
  summary: "Treiber's stack, whose nodes are freed under hazard pointers",
  ...exchange<HazardStackImage>({
    fifo: false,
    reserve: hazardStackRegion,
    init: initHazardStack,
    open: (w, image, thread) => new HazardStack(w, image, thread),
  }),
})
