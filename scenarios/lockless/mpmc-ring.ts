/** Vyukov's bounded ring: all threads put and take. */
import { initMpmcRing, MpmcRing, type MpmcRingImage, mpmcRingRegion } from '../../lib/lockless/mpmc-ring.ts'
import { defineScenario } from '../../torture/scenario.ts'
import { exchange, PREFILL } from '../workloads/tokens.ts'

export default defineScenario({
  name: 'mpmc-ring',
  summary: 'a bounded ring for many producers and consumers, whose cells say whose turn it is',
  ...exchange<MpmcRingImage>({
    fifo: true,
    reserve: mpmcRingRegion,
    init: initMpmcRing,
    open: (w, image) => new MpmcRing(w, image),
  }),
  params: { capacity: { default: 4, min: 2, max: 65536, describe: 'cells: a power of two' }, prefill: PREFILL },
})
