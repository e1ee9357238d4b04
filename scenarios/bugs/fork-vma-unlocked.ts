import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'fork-vma-unlocked',
  title: 'faults go on in a VMA whose pages fork is copying',
  story: `fork takes the right to write from the parent's pages one by one, and flushes the TLBs at the end. A thread that
    faults under the VMA lock does not look at mmap_lock: it copies a page that was taken already, while another thread
    still writes to the old one through a translation from before, and what that thread writes is lost to the parent.
    So fork locks each VMA before it copies it. The mutant does not.`,
  source: 'Linux commit fb49c455323f (2023)',
  scenarios: ['fork-cow'],
  site: 'fork/copy-vma',
  oracle: ['SNAP', 'DATA', 'TLB'],
  hardness: 'E',
  params: { pages: 8, children: 3, shared: 1, drop: 0, remap: 0, protect: 0, writes: 90, fail: 0 },
})
