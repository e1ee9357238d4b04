import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'srcu-no-second-scan',
  title: 'a sleepable grace period ends with the flip of the index',
  story: `A grace period flips the index, so that new sections open under the other one, and then waits until all that were
    opened under the old one have been closed. The mutant does not wait: whoever was inside before the flip still holds
    what was unlinked. It is rcutorture's busted_srcud.`,
  source: 'rcutorture of Linux, torture_type=busted_srcud',
  scenarios: ['srcu', 'srcu-sync'],
  site: 'srcu/flip',
  oracle: 'GEN',
  hardness: 'E',
})
