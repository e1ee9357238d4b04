import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'pae-high-last',
  title: 'an entry of two words is present before it is complete',
  story: `With PAE a page table entry has two words, which nothing writes at once. The low one says that the entry is
    present, so it has to be written last, and read again after the high one. The mutant writes it first: whoever walks
    the table between the two stores finds a present entry with half of a frame number, and uses the wrong frame.`,
  source: "the reader's side of it: Linux commit 26c191788f18 (2012), CVE-2012-2373",
  scenarios: ['vma-lock', 'mmap-lock'],
  site: 'pte/half-set',
  oracle: ['DATA', 'FREE', 'REF', 'TLB', 'PT'],
  hardness: 'E',
  params: {
    pte: 'pae',
    slots: 1,
    'slot-pages': 4,
    own: 0,
    shared: 0,
    common: 1,
    drop: 4,
    map: 0,
    unmap: 0,
    protect: 0,
    use: 100,
  },
})
