import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'dirty-flush-late',
  title: 'a dirty page of a file is unmapped, and flushed when its entry can be looked at already',
  story: `A thread drops a page of a shared mapping: it clears the entry, moves the dirty bit into the page's flags, and must
    flush before it lets go of the page table lock. The mutant flushes later, with everything else. Writeback comes in
    between: it finds the page dirty and mapped nowhere, takes the dirt away and copies the page to the disk, while
    another CPU still writes through its TLB. What it writes is in a page that is clean: the page is dropped from the
    cache, and the write is lost.`,
  source: 'Linux commits 1cf35d47712d (2014) and 5df397dec7c4 (2022)',
  scenarios: ['file-map'],
  site: 'zap/dirty-unlocked',
  oracle: 'DATA',
  hardness: 'E',
  params: {
    spaces: 1,
    slots: 1,
    'slot-pages': 4,
    private: 0,
    writes: 80,
    map: 0,
    unmap: 0,
    protect: 0,
    discard: 4,
    take: 0,
    sync: 4,
    shrink: 1,
    sample: 0,
  },
})
