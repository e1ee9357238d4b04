import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'stackrot',
  title: 'a walk under the read lock does not keep the node that it is in',
  story: `With stack=expand-read a stack grows under mmap_lock held for read, and replaces a node of the VMA store. Another
    fault holds mmap_lock for read as well and believes that nothing changes; without an RCU section the node that it
    walks is freed, and used again, under its feet. The mutant drops the section.`,
  source: 'CVE-2023-3269',
  scenarios: ['stack'],
  site: 'vma-store/walk',
  oracle: ['GEN', 'VMA'],
  hardness: 'D',
  jitter: 'high',
  params: {
    policy: 'mmap-lock',
    stack: 'expand-read',
    stacks: 2,
    map: 0,
    protect: 0,
    discard: 0,
    cut: 8,
    limit: 12,
    use: 100,
  },
})
