/** Sleepable RCU under rcutorture's load: its readers go to sleep in their sections. */
import { Srcu, type SrcuImage, srcuRegion } from '../../lib/sync/srcu.ts'
import { defineScenario } from '../../torture/scenario.ts'
import { gracePeriods } from '../workloads/grace-periods.ts'

export default defineScenario({
  ...gracePeriods<SrcuImage>({
    extends: false,
    sleepable: true,
    reserve: srcuRegion,
    open: (cpu, image) => new Srcu(cpu, image),
  }),
  name: 'srcu',
  summary: 'sleepable read-copy-update: do grace periods wait for sections that sleep, overlap and straggle',
})
