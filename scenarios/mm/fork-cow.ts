import { defineScenario } from '../../torture/scenario.ts'
import { familyScenario } from '../workloads/families.ts'

export default defineScenario(
  familyScenario({
    name: 'fork-cow',
    summary:
      'fork and copy-on-write: address spaces that are forked, written to on both sides and taken down, several generations of them at once; neither side may see what the other writes',
    inconclusive: ({ counters }) =>
      (counters.forks ?? 0) === 0 || (counters.exits ?? 0) === 0
        ? 'no address space was forked and taken down'
        : undefined,
  }),
)
