/** The same workload as vma-lock under speculative faults, as proposed for Linux in 2021, falling back to mmap_lock. */
import { defineScenario } from '../../torture/scenario.ts'
import { faultScenario } from '../workloads/faults.ts'

export default defineScenario(
  faultScenario({
    name: 'spf',
    summary: 'speculative page faults, beside threads that map, unmap, protect and drop',
    policy: () => 'spf',
    fastPath: 'succeeded speculatively',
  }),
)
