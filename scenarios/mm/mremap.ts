/** Mappings that move, grow and shrink while others use them. */
import { defineScenario } from '../../torture/scenario.ts'
import { moveScenario } from '../workloads/moves.ts'

export default defineScenario(
  moveScenario({
    name: 'mremap',
    summary:
      'pages that are moved to other addresses, by entries and by whole tables, while others use and reclaim them',
    inconclusive: ({ counters }) => ((counters.moves ?? 0) === 0 ? 'nothing was moved' : undefined),
  }),
)
