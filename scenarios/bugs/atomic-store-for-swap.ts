import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'atomic-store-for-swap',
  title: 'a read-modify-write is a load and a store',
  story: `Two threads add to a word. A loads it, B loads it, A stores its sum, B stores its own: what A added is gone. With
    bits it is the same: A sets one, B another, and the store of B puts A's back. The mutant is the loop of all operations
    that are built on compare-and-swap, with a store in the place of the swap, so that nothing notices what came in
    between.`,
  source: 'the "lost update"; J. Gray, "Notes on data base operating systems", 1978',
  scenarios: ['atomic'],
  site: 'atomic/swap',
  oracle: ['REF', 'DATA', 'CNT'],
  hardness: 'E',
})
