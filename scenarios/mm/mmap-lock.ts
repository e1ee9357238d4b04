/** The same workload as vma-lock, every fault under mmap_lock held for read: the baseline. */
import { defineScenario } from '../../torture/scenario.ts'
import { faultScenario } from '../workloads/faults.ts'

export default defineScenario(
  faultScenario({
    name: 'mmap-lock',
    summary: 'page faults under mmap_lock, beside threads that map, unmap, protect and drop',
    policy: () => 'mmap-lock',
  }),
)
