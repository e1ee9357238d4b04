import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'vma-visible-early',
  title: 'a new VMA can be found before it is locked',
  story: `mmap puts a new VMA into the store and only then write-locks it and sets its flags. A fault that finds it in
    between sees vm_lock_seq of an earlier life, takes the read lock and works with flags that are not set yet. Linux
    6.5 did so until the store came after vma_start_write. The mutant moves the lock behind the last edit.`,
  source: 'Linux commit 33313a747e81 (2023)',
  scenarios: ['vma-lock'],
  site: 'mmap/inserted',
  oracle: 'VMA',
  hardness: 'D',
  jitter: 'high',
  params: { slots: 2, own: 1, protect: 0, discard: 0 },
})
