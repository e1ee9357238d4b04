import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'oom-skip-late',
  title: 'page tables are freed while the OOM reaper may still come',
  story: `The OOM reaper takes a dying process's pages away under mmap_lock held for read, and stays away when MMF_OOM_SKIP is set.
    The end of the address space sets it after it has unmapped everything, takes mmap_lock for write once, so that a
    reaper that came before is gone, and frees the page tables without any lock. The mutant sets it when the tables have
    been freed: a reaper that comes in between walks tables that go under its feet.`,
  source: 'Linux commit 27ae357fa82b (2018), CVE-2018-1000200',
  scenarios: ['exit-reap'],
  site: 'mm/exit-free-tables',
  oracle: ['GEN', 'PT'],
  hardness: 'D',
  jitter: 'high',
  params: { kill: 0, pace: 30, exit: 8, fork: 8, kernel: 0, children: 2, use: 2 },
})
