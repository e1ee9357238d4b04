/** RCU under rcutorture's load. */
import type { Cpu } from '../../lib/shm/cpu.ts'
import { Rcu, type RcuImage, rcuRegion } from '../../lib/sync/rcu.ts'
import { defineScenario } from '../../torture/scenario.ts'
import { gracePeriods } from '../workloads/grace-periods.ts'
import type { Flavour } from '../workloads/rcu-flavour.ts'

/** All sections of a thread are alike. */
const SECTION = 0

class RcuFlavour extends Rcu implements Flavour {
  override readLock(): number {
    super.readLock()
    return SECTION
  }
}

const suite = gracePeriods<RcuImage>({
  extends: true,
  sleepable: false,
  reserve: rcuRegion,
  open: (cpu: Cpu, image, params) => new RcuFlavour(cpu, image, params.stallMs),
})

export default defineScenario({
  ...suite,
  name: 'rcu',
  summary: 'read-copy-update: are grace periods long enough, and do they end',
  params: {
    ...suite.params,
    stallMs: { default: 4000, min: 1, describe: 'milliseconds after which a grace period is stalled' },
  },
})
