/** The same workload as vma-lock under a range lock in the place of mmap_lock: nothing to fall back to, but waiting. */
import { defineScenario } from '../../torture/scenario.ts'
import { faultScenario } from '../workloads/faults.ts'

export default defineScenario(
  faultScenario({
    name: 'range-lock',
    summary: 'page faults under a list-based range lock, beside threads that map, unmap, protect and drop',
    policy: () => 'range-lock',
    fastPath: 'neither waited nor locked more than their page',
  }),
)
