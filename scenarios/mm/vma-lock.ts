/** Concurrent page faults under per-VMA locks, in three generations, falling back to mmap_lock. */
import type { PolicyName } from '../../lib/mm/policy/policy.ts'
import { defineScenario } from '../../torture/scenario.ts'
import { faultScenario } from '../workloads/faults.ts'

const GENERATIONS: Readonly<Record<string, PolicyName>> = {
  rfc2022: 'vma-lock-rfc2022',
  '6.4': 'vma-lock-6.4',
  '6.15': 'vma-lock',
}

export default defineScenario(
  faultScenario({
    name: 'vma-lock',
    summary: 'page faults under per-VMA locks, beside threads that map, unmap, protect and drop',
    params: {
      generation: {
        default: '6.15',
        choices: Object.keys(GENERATIONS),
        describe: 'the locks of which Linux: as proposed in 2022, of 6.4, or of 6.15 and later',
      },
    },
    policy: params => GENERATIONS[params.generation],
    fastPath: 'took the VMA lock',
  }),
)
