import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'oom-unstable-unchecked',
  title: 'pages that the OOM reaper has taken away come back as zeros',
  story: `The OOM reaper takes pages away from a process that was killed while its threads still run. One of them faults on
    such a page, finds no entry, and gets a page of zeros, which it takes for its data, and may write to a file or send.
    So the reaper marks the address space unstable before it begins, and a fault that finds no entry looks at the mark
    under the page table lock. The mutant does not look.`,
  source: 'Linux, "mm, oom: fix potential data corruption when oom_reaper races with writer" (2017)',
  scenarios: ['exit-reap'],
  site: 'oom-reaper/reap',
  oracle: ['DATA', 'SNAP'],
  hardness: 'E',
})
