import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'hazard-published-relaxed',
  title: 'there is no fence between the hazard pointer and the second look',
  story: `A writes X into its slot and looks again: X is still on top. But the store waits in A's store buffer, and the
    look has overtaken it. B pops X, sees nothing in A's slot, and frees it. This is the fence that makes hazard pointers
    dear. JavaScript has no such store, and no machine shows it here: it takes the store buffers of torture explore
    --memory-model tso.`,
  source: 'M. M. Michael, IEEE TPDS 15(6), 2004, section 3.2, on memory ordering',
  scenarios: ['treiber-hazard'],
  site: 'treiber-hazard/pop',
  oracle: ['GEN', 'TOKEN'],
  hardness: 'X',
  memoryModel: 'tso',
})
