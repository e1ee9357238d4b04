import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'spinlock-unlock-relaxed',
  title: 'a spinlock is given up before what was written under it can be seen',
  story: `The read-modify-write that gives the lock up must be a release: what was written inside becomes visible before
    the lock is free. The mutant's is relaxed and may overtake the last store under the lock; the next holder finds half
    a write. No machine on which read-modify-writes are barriers shows it: it takes the store buffers of torture explore
    --memory-model pso.`,
  source: 'the release of queued_spin_unlock() in Linux, include/asm-generic/qspinlock.h',
  scenarios: ['lock-spinlock'],
  site: 'spinlock/unlock',
  oracle: 'DATA',
  hardness: 'X',
  memoryModel: 'pso',
  params: { locks: 1, nested: 0, trylocks: 0, hold: 0 },
})
