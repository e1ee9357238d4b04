import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'vma-put-early',
  title: 'the VMA lock is given up before the page is installed',
  story: `A write fault under the VMA lock allocates its page and drops the lock before it sets the page table entry. A munmap
    that waited for the lock goes ahead, drops the pages, takes the VMA away, and the fault installs its page where
    nothing is mapped any more. The mutant moves the unlock in front of the installation.`,
  source: 'positive control of this project, after the ordering rules of Documentation/mm/process_addrs',
  scenarios: ['vma-lock'],
  site: 'fault/install',
  oracle: ['PT', 'VMA', 'DATA', 'REF'],
  hardness: 'E',
  params: { slots: 2, 'slot-pages': 8, own: 0, shared: 0, protect: 0 },
})
