import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'table-free-no-rcu',
  title: 'a page table is freed while it is walked without a lock',
  story: `A thread pins a page without any lock: it reads which table the upper entry holds, and stands in that table when
    another thread unmaps the range, takes the table out, has all TLBs flushed, and frees it. It is cleared, and becomes
    another address space's table, and the walker reads entries that have nothing to do with its page. The flush does not
    wait for the walker, which has no translation in use; only a grace period does. The mutant frees the table at once.`,
  source: 'Linux commit 2ba99c5e0881 (2022); CVE-2025-38085',
  scenarios: ['gup'],
  site: 'gather/free-table',
  oracle: ['GEN', 'PT'],
  hardness: 'D',
  jitter: 'high',
  params: { slots: 1, share: 0, force: 0, touch: 2, hold: 1, pins: 1, drop: 0, protect: 0, fork: 0 },
})
