import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'vma-unlock-relaxed',
  title: 'VMAs are unlocked before what was done to them can be seen',
  story: `A writer unlocks all its VMAs at once by the next mm_lock_seq. A fault that finds the new number takes the VMA
    lock and believes what the VMA says, so the number must become visible after the stores to vm_flags and the borders,
    and the fault must load it before it loads them. It was neither: a plain store, which may overtake the plain stores
    before it, and plain loads. The mutant stores the number without release. JavaScript has no such store, and no
    machine shows it here: it takes the store buffers of torture explore --memory-model pso.`,
  source: 'b1f02b95758d, 2023',
  scenarios: ['vma-unlock'],
  site: 'vma-lock/end-write-all',
  oracle: 'VMA',
  hardness: 'X',
  memoryModel: 'pso',
})
