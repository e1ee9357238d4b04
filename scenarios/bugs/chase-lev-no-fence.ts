import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'chase-lev-no-fence',
  title: 'the owner looks for thieves before they can see its claim',
  story: `Two tasks are left. The owner lowers the bottom, and the store waits in its store buffer; it reads the top, finds
    another task before its own, and takes the last one without competing. Thieves see the old bottom, and steal both.
    It takes a fence between the owner's store and its load. The mutant has none. JavaScript has no such store, and no
    machine shows it here: it takes the store buffers of torture explore --memory-model tso.`,
  source: 'N. M. Le, A. Pop, A. Cohen, F. Zappa Nardelli, PPoPP 2013, take(), the seq_cst fence',
  scenarios: ['chase-lev', 'chase-lev-history'],
  site: 'chase-lev/take',
  oracle: ['TOKEN', 'FIFO', 'LIN'],
  hardness: 'X',
  memoryModel: 'tso',
})
