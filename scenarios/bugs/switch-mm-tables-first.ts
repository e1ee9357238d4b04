import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'switch-mm-tables-first',
  title: 'a CPU walks page tables before it can be told of changes',
  story: `A CPU that switches to another address space puts itself into its cpumask and loads its page tables. From
    then on hardware may walk them, so the mask has to come first, and to be seen first: A loads a translation; B
    clears the entry, finds A not in the mask, and flushes without A; A enters the mask and uses the translation,
    and a page that is no longer there. In Linux the order was right, and a barrier was missing. The mutant loads
    the tables first.`,
  source: 'Linux commit 71b3c126e611 (2016), CVE-2016-2069',
  scenarios: ['exit-reap'],
  site: 'task/mm-loaded',
  oracle: ['TLB', 'FREE', 'PT', 'DATA', 'SNAP'],
  hardness: 'D',
  jitter: 'high',
  params: {
    children: 1,
    pages: 4,
    shared: 1,
    burst: 6,
    drop: 2,
    remap: 0,
    protect: 0,
    kernel: 0,
    pace: 1000000,
    fork: 1,
    exit: 0,
  },
})
