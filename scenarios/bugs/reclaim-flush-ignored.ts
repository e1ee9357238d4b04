import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'reclaim-flush-ignored',
  title: 'mprotect does not wait for the flush that reclaim has put off',
  story: `Reclaim takes entries away and flushes for all of them later, once for a batch. Meanwhile a thread makes the same
    pages read-only or unmaps them: it finds their entries gone, has nothing to change and so nothing to flush, and
    returns, while a CPU still writes through its TLB to pages that nobody may write to any more. It has to ask whether
    the address space has such flushes pending, and make up for them. The mutant does not.`,
  source: 'Linux commit 3ea277194daa (2017)',
  scenarios: ['mremap-shrink'],
  site: 'unmap-batch/pending',
  oracle: ['TLB', 'DATA'],
  hardness: 'E',
  params: { shift: 1, batch: 16, batched: 1 },
})
