import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'reclaim-flush-ignored',
  title: 'mprotect does not wait for the flush that reclaim has put off',
  story: `Reclaim takes entries away and flushes for all of them later, once for a batch. Meanwhile a thread makes the same
    pages read-only or unmaps them: it finds their entries gone, has nothing to change and so nothing to flush, and
    returns, while a CPU still writes through its TLB to pages that nobody may write to any more. It has to ask whether
    the address space has such flushes pending, and make up for them. The mutant does not.`,
  source: 'Linux commit 3ea277194daa (2017)',
  scenarios: ['file-map'],
  site: 'unmap-batch/pending',
  oracle: ['TLB', 'DATA'],
  hardness: 'E',
  params: {
    spaces: 1,
    slots: 1,
    'slot-pages': 16,
    private: 0,
    writes: 80,
    map: 0,
    unmap: 0,
    protect: 0,
    discard: 0,
    take: 12,
    sync: 1,
    shrink: 8,
    sample: 0,
    force: 100,
    batched: 100,
  },
})
