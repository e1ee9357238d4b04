import { defineScenario } from '../../torture/scenario.ts'
import { stackScenario } from '../workloads/stacks.ts'

/** Accesses from which on it can be said that a part was never exercised. */
const ENOUGH = 1000

export default defineScenario(
  stackScenario({
    name: 'stack',
    summary:
      'stacks that grow when a page below them is touched, beside a thread that cuts them off and maps below them',
    inconclusive: ({ counters }) =>
      (counters.faults ?? 0) > ENOUGH && (counters.mappings ?? 0) === 0
        ? 'nothing below a stack was changed'
        : undefined,
  }),
)
