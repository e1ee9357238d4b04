import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'mremap-flush-late',
  title: 'pages that were moved are flushed when their tables are unlocked already',
  story: `mremap moves an entry: it clears the old one, sets the new one, and makes all CPUs forget the old address. It did
    so after it had let go of the page table locks. Between the two somebody who comes by the page, and needs no
    mmap_lock, takes it out of the table at its new address, flushes that address, and frees the page; a CPU that has the
    old address in its TLB goes on using it. The mutant puts the flush off to the end of the move.`,
  source: 'Linux commit eb66ae030829 (2018), CVE-2018-18281',
  scenarios: ['mremap-shrink'],
  site: 'mremap/unlocked',
  oracle: ['FREE', 'DATA'],
  hardness: 'D',
  jitter: 'high',
  params: { tables: 2, shift: 1, abroad: 1 },
})
