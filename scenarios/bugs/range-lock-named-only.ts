import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'range-lock-named-only',
  title: 'a change locks the pages that it names, and not those that it spreads to',
  story: `Under a range lock in the place of mmap_lock, mprotect of a few pages in the middle of a VMA splits it, and mmap beside
    one merges with it: the borders of VMAs move that lie outside of the pages named, and tables between them are freed.
    So the range that is locked has to reach over all VMAs that are touched and over the gaps beside them. The mutant
    locks what was named. A fault a few pages further holds its page and works with a VMA that is being edited.`,
  source: 'the refinement problem of Kogan, Dice, Issa, EuroSys 2020',
  scenarios: ['range-lock'],
  site: 'range-lock/reach',
  oracle: ['VMA', 'PT', 'DATA', 'REF'],
  hardness: 'E',
  params: { slots: 1, 'slot-pages': 32, own: 0, shared: 0 },
})
