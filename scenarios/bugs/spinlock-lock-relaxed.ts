import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'spinlock-lock-relaxed',
  title: 'a spinlock is taken, and what is read under it is older than that',
  story: `The exchange that takes the lock must be an acquire: what is read after it is what the holder before has left.
    The mutant's is relaxed, so that reads under the lock may happen before it is taken, while the other one is still
    inside, and a write is lost. JavaScript's exchanges are all in full order, and so are those of x86: it takes the
    store buffers of torture explore --memory-model pso, in which a read-modify-write orders what it says and no more.`,
  source: 'the acquire of queued_spin_lock() in Linux, include/asm-generic/qspinlock.h',
  scenarios: ['lock-spinlock'],
  site: 'spinlock/lock',
  oracle: 'DATA',
  hardness: 'X',
  memoryModel: 'pso',
  params: { locks: 1, nested: 0, trylocks: 0, hold: 0 },
})
