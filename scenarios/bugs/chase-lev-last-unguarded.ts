import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'chase-lev-last-unguarded',
  title: 'the owner takes the last task without competing for it',
  story: `One task is left. A thief has read the top and the task and is about to swap the top. The owner claims the same
    task, finds that it is the last, and takes it. Then the thief's swap succeeds, and the task is done twice. Owner and
    thief must both swap the top for the last one. The mutant's owner stores it.`,
  source: 'D. Chase and Y. Lev, SPAA 2005, popBottom',
  scenarios: ['chase-lev', 'chase-lev-history'],
  site: 'chase-lev/take-last',
  oracle: ['TOKEN', 'FIFO', 'LIN'],
  hardness: 'E',
})
