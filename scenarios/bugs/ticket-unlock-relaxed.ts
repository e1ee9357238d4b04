import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'ticket-unlock-relaxed',
  title: 'a ticket lock is given up before what was written under it can be seen',
  story: `The unlocking thread calls the next ticket by a store that must be a release: what it wrote inside becomes
    visible before the call. The mutant's store is relaxed and may overtake its last store under the lock; the next
    holder is called, and finds half a write. JavaScript has no such store, and no machine shows it here: it takes
    the store buffers of torture explore --memory-model pso.`,
  source: 'the release of arch_spin_unlock() in Linux, include/asm-generic/ticket_lock.h',
  scenarios: ['lock-ticket'],
  site: 'ticket-lock/unlock',
  oracle: 'DATA',
  hardness: 'X',
  memoryModel: 'pso',
  params: { locks: 1, nested: 0, trylocks: 0, hold: 0 },
})
