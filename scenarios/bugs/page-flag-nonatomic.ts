import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'page-flag-nonatomic',
  title: 'page flags are set by load and store',
  story: `Dropping a mapping moves its dirty bit into the flags of the page, under the page table lock of one address space,
    while a fault of another one takes or releases PG_locked in the same word. With a load and a store instead of one
    read-modify-write the change in between is lost: a page lock vanishes while it is held, or comes back after it was
    released.`,
  source: 'the rule of include/linux/page-flags.h: __set_bit only before publication',
  scenarios: ['vma-lock', 'mmap-lock'],
  site: 'page-flags/set',
  oracle: ['CNT', 'HANG'],
  hardness: 'E',
  params: { slots: 1, 'slot-pages': 4, own: 0, common: 1, shared: 16, map: 1, unmap: 0, protect: 0, discard: 16 },
})
