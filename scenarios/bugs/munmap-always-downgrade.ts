import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'munmap-always-downgrade',
  title: 'a stack grows into what munmap is taking down',
  story: `munmap takes the VMAs out of the store, turns its write lock into a read lock, and drops pages and tables. With
    stack=expand-read a stack above the hole grows into it meanwhile, under the same read lock, and pages are faulted in
    where tables are about to be freed. So beside a mapping that may grow munmap keeps the write lock. The mutant
    downgrades always.`,
  source: 'Linux commit 246c320a8cfe (2020), CVE-2020-29369',
  scenarios: ['stack'],
  site: 'munmap/detached',
  oracle: ['PT', 'DATA', 'REF', 'FREE', 'TLB'],
  hardness: 'D',
  jitter: 'high',
  params: { policy: 'mmap-lock', stack: 'expand-read', stacks: 1, map: 2, protect: 0, discard: 0, cut: 8, limit: 24 },
})
