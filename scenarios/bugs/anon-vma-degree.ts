import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'anon-vma-degree',
  title: 'one count for the descendants of an anon_vma and for the VMAs that call it their own',
  story: `A fork may take over an anon_vma of an ancestor instead of making another one, if no VMA calls it its own and one
    descendant needs it at the most. The mutant adds the two counts up and asks for a sum below two. For that to mean the
    same, every anon_vma but the parent's own would need a descendant; but a fork that takes one over leaves none. So an
    anon_vma that is a VMA's own already is taken over a second time, and two neighbours in one child may come by the
    same anon_vma with different ancestors. They look alike and are merged: pages of the one lie in the other, which is
    not linked to their anon_vma. When the rest of the family has ended that is freed, while the pages still name it.`,
  source: 'Linux commit 2555283eb40d (2022), CVE-2022-42703',
  scenarios: ['fork-cow'],
  site: 'anon-vma/taken-over',
  oracle: 'GEN',
  hardness: 'E',
  params: { children: 9, pages: 8, fork: 0, exit: 0, protect: 0, drop: 0, remap: 0, dynasty: 1, fail: 0 },
})
