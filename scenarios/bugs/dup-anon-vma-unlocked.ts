import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'dup-anon-vma-unlocked',
  title: 'a VMA gets an anon_vma for a merge that fails, and a fault uses it',
  story: `A VMA without pages of its own is to take in a neighbour, or pages that are moved beside it. It gets their anon_vma
    first, and then a link to it, for which there may be no memory: the anon_vma is taken away again. In between a fault
    under the VMA lock found it set and put a page into the VMA, which is now of an anon_vma that does not know the VMA:
    nobody finds the page, and when the neighbour ends, the anon_vma is freed under it. The mutant locks the VMA only
    after it got the anon_vma.`,
  source: 'Linux commit d8ab9f7b644a (2023)',
  scenarios: ['anon-vma-merge'],
  site: 'vma/anon-vma-adopted',
  oracle: ['GEN', 'REF'],
  hardness: 'X',
})
