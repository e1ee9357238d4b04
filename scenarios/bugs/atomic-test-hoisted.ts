import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'atomic-test-hoisted',
  title: 'whether there is one left is asked once, and the swap is tried again',
  story: `atomic_dec_if_positive takes one if there is one. One is left. A loads 1, B takes it, and A's swap finds 0 and
    fails. The loop computes anew from 0, and has to ask anew whether that is enough. The mutant asked before the loop,
    and takes what is not there: the count is below zero.`,
  source: 'our own control: the loop of atomic_dec_if_positive in Linux, scripts/atomic/fallbacks/dec_if_positive',
  scenarios: ['atomic'],
  site: 'atomic/conditional',
  oracle: 'REF',
  hardness: 'E',
  params: { word: 'gate' },
})
