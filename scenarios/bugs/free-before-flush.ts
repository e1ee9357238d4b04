import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'free-before-flush',
  title: 'frames are freed before the shootdown is acknowledged',
  story: `A thread drops pages, gives their frames back and only then asks the other CPUs to forget their translations. One
    of them is in the middle of an access through such a translation, and the frame is somebody else's already. The
    mutant swaps the two steps of the flush.`,
  source: 'positive control of this project: the rule of mmu_gather',
  scenarios: ['vma-lock', 'mmap-lock'],
  site: 'gather/flush',
  oracle: ['FREE', 'DATA', 'TLB'],
  hardness: 'E',
  params: { slots: 1, 'slot-pages': 8, own: 0, shared: 0, discard: 8 },
})
