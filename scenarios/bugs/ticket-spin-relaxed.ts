import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'ticket-spin-relaxed',
  title: 'a ticket lock lets what is read under it be read before the lock is had',
  story: `Who waits looks at the number that is being called, and the look that finds its own must be an acquire: nothing
    behind it may be read earlier. The mutant's look is relaxed. The waiter reads what the lock protects as it was
    while the holder before it was still writing, then finds its number called, and believes what it has read. It
    takes torture explore --memory-model pso, where loads can be early.`,
  source: 'atomic_cond_read_acquire() in Linux, include/asm-generic/ticket_spinlock.h',
  scenarios: ['lock-ticket'],
  site: 'ticket-lock/drawn',
  oracle: ['DATA', 'CNT'],
  hardness: 'X',
  memoryModel: 'pso',
  params: { locks: 1, nested: 0, trylocks: 0, hold: 0 },
})
