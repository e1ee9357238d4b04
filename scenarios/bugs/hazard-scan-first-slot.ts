import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'hazard-scan-first-slot',
  title: 'who frees looks at the first hazard pointer of each thread only',
  story: `A queue's reader holds two nodes: the dummy in its first slot, and the node behind it, whose value it reads, in
    the second. B takes two values: the node behind becomes the dummy and is retired in its turn. It is in A's second
    slot, where the mutant does not look, so it is freed, and A reads its value.`,
  source: 'our own control: the scan of M. M. Michael, IEEE TPDS 15(6), 2004, figure 3',
  scenarios: ['ms-queue-hazard'],
  site: 'hazard/scan',
  oracle: ['GEN', 'FIFO', 'TOKEN'],
  hardness: 'E',
})
