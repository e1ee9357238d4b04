import { defineScenario } from '../../torture/scenario.ts'
import { chaosScenario } from '../workloads/chaos.ts'

/** What must have happened for a run to mean something. */
const ESSENTIAL = ['forks', 'exits', 'moves', 'pins', 'reaped', 'mappings']

export default defineScenario(
  chaosScenario({
    name: 'mm-chaos',
    summary:
      'everything at once: faults, fork, exit and the OOM reaper, files and their shrinker, mappings that move, pages that are pinned, lazy TLBs',
    inconclusive: ({ counters }) => {
      const missing = ESSENTIAL.filter(name => (counters[name] ?? 0) === 0)
      return missing.length === 0 ? undefined : `never counted: ${missing.join(', ')}`
    },
  }),
)
