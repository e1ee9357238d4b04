import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'hazard-not-revalidated',
  title: 'a hazard pointer is trusted without a second look',
  story: `A reads that node X is on top. B pops X, finds it in nobody's slot and frees it. A puts X into its slot, too
    late, and follows it. Only a look at the top after the slot was written tells whether X was still there, and so
    whether whoever frees it must have seen the slot. The mutant does not look again.`,
  source: 'M. M. Michael, IEEE TPDS 15(6), 2004, figure 7, line 4',
  scenarios: ['hazard-pointers', 'treiber-hazard', 'ms-queue-hazard'],
  site: 'hazard/found',
  oracle: ['GEN', 'TOKEN', 'FIFO', 'HANG'],
  hardness: 'D',
  jitter: 'high',
})
