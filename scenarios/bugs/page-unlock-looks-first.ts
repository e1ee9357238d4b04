import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'page-unlock-looks-first',
  title: 'who unlocks a page looks for waiters before it is unlocked',
  story: `A holds the page and looks whether anybody waits: nobody does. B finds the page locked, says that it waits,
    finds it locked still, and goes to sleep. A unlocks, and wakes nobody: B sleeps beside a page that is free. The
    operation that unlocks must itself return whether somebody waits. The mutant takes the answer from a load before
    it.`,
  source: 'the rule of folio_unlock() in Linux, mm/filemap.c',
  scenarios: ['page-flags'],
  site: 'page-lock/unlocking',
  oracle: 'HANG',
  hardness: 'E',
})
