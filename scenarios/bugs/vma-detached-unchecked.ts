import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'vma-detached-unchecked',
  title: 'a VMA that was unmapped before it was locked is used',
  story: `Under the VMA locks of Linux 6.4 a fault finds a VMA under RCU and looks whether it is locked. Then munmap locks the
    VMA, takes it out of the store, and unlocks everything as it downgrades mmap_lock to drop the pages. The fault's
    trylock succeeds now: the semaphore is free and vm_lock_seq is old. Whether the VMA is still one of the address
    space's is what the detached flag tells, looked at after locking. The mutant does not look, and the fault installs
    a page where nothing is mapped any more.`,
  source: 'design of the per-VMA locks, Linux 6.4: the detached flag',
  scenarios: ['unmap'],
  site: 'vma-lock-6.4/before-lock',
  oracle: ['PT', 'VMA', 'DATA', 'REF'],
  hardness: 'D',
  jitter: 'high',
  params: { policy: 'vma-lock-6.4' },
})
