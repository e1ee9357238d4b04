import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'vma-reuse-identity',
  title: 'a recycled VMA is taken for the one that was looked up',
  story: `VMAs are type-safe by RCU: between the walk that finds one and the count that pins it, it may be freed and become
    a VMA of another address space, at the same address. After pinning, vm_mm must be compared. The mutant leaves the
    comparison out, and the fault goes on with a VMA of somebody else.`,
  source: 'design of the vm_refcnt based lock, Linux 6.15',
  scenarios: ['vma-lock'],
  site: 'vma-lock/before-count',
  oracle: 'VMA',
  hardness: 'D',
  jitter: 'high',
  params: {
    slots: 1,
    'slot-pages': 4,
    vmas: 16,
    own: 0,
    shared: 0,
    drop: 0,
    map: 1,
    unmap: 1,
    protect: 0,
    discard: 0,
    use: 0,
  },
})
