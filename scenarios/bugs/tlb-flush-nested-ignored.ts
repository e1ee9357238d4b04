import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'tlb-flush-nested-ignored',
  title: 'a second flush does not wait for the first',
  story: `Two threads drop the same page at once. The first clears the entry and has not flushed yet; the second finds the
    entry empty, concludes that there is nothing to flush, and returns, although translations of the page are still in
    use. It must look at tlb_flush_pending and flush as well. The mutant does not.`,
  source: 'Linux commit 99baac21e458 (2017)',
  scenarios: ['vma-lock', 'mmap-lock'],
  site: 'gather/nested',
  oracle: ['TLB', 'DATA'],
  hardness: 'E',
  params: {
    slots: 1,
    'slot-pages': 64,
    own: 0,
    shared: 0,
    common: 1,
    drop: 4,
    map: 0,
    unmap: 0,
    protect: 0,
    discard: 1,
    use: 50,
  },
})
