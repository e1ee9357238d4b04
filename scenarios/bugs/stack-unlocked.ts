import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'stack-unlocked',
  title: 'a stack grows without its VMA being locked',
  story: `Growing a stack moves vm_start and vm_pgoff of its VMA, one after the other, under mmap_lock held for write. A
    fault under the VMA lock does not look at mmap_lock: the VMA has to be locked for write as well. The mutant does not,
    and the fault works with a VMA half of which has moved.`,
  source: 'Linux commit c137381f71ae (2023)',
  scenarios: ['stack'],
  site: 'stack/expand',
  oracle: 'VMA',
  hardness: 'D',
  jitter: 'high',
  params: { stacks: 1, map: 0, protect: 0, discard: 0, cut: 8, limit: 12, use: 100 },
})
