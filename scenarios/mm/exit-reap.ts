import { defineScenario } from '../../torture/scenario.ts'
import { mortalScenario } from '../workloads/mortals.ts'

export default defineScenario(
  mortalScenario({
    name: 'exit-reap',
    summary:
      'processes that are forked, end, and are killed: the OOM reaper takes their pages away beside their faults and their end, and CPUs go to kernel work and come back to translations that may be old (lazy TLB)',
  }),
)
