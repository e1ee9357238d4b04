import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'spf-no-recheck',
  title: 'a speculative fault does not look again under the page table lock',
  story: `A speculative fault looks at mm_lock_seq, finds it unchanged, and tries the page table lock. In between munmap may take
    mmap_lock, drop the page, which is not there yet, and be done with the page table lock. The trylock succeeds, the
    entry is none, as it was: nothing but the number tells. The mutant does not look at it under the lock, and installs
    a page where nothing is mapped any more.`,
  source: 'design of the speculative page faults proposed in 2021: the second sequence check in pte_map_lock',
  scenarios: ['spf'],
  site: 'spf/before-ptl',
  oracle: ['PT', 'VMA', 'DATA', 'REF'],
  hardness: 'D',
  jitter: 'high',
  params: {
    slots: 1,
    'slot-pages': 64,
    own: 0,
    shared: 0,
    drop: 0,
    map: 1,
    unmap: 1,
    protect: 0,
    discard: 0,
    use: 0,
  },
})
