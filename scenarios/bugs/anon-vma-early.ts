import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'anon-vma-early',
  title: 'whether a VMA has an anon_vma is looked at before the VMA is locked',
  story: `In Linux 6.4 a fault under the VMA lock needed a VMA that has an anon_vma: to get one it would have to look at the
    neighbours, which only mmap_lock keeps in place. B finds the anon_vma there. Then A moves the VMA's pages away by
    mremap, which leaves the VMA behind without an anon_vma. B locks the VMA, and its handler, which trusts the test,
    takes the anon_vma of a neighbour while A unmaps that one: the VMA is linked to an anon_vma that is freed. The mutant
    looks before it locks, and the handler takes no mmap_lock, as in 6.4.`,
  source: 'Linux commit 657b5146955e (2023)',
  scenarios: ['anon-vma-unlink'],
  site: 'fault/prepare-anon-vma',
  oracle: ['GEN', 'REF'],
  hardness: 'X',
})
