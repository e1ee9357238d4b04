import { defineBug } from '../../torture/scenario.ts'

export default defineBug({
  id: 'mcs-hand-over-relaxed',
  title: 'an MCS lock is handed over before what was written under it can be seen',
  story: `The lock is handed over by a store to the successor's cell that must be a release. The mutant's is relaxed and
    may overtake the holder's last store under the lock: the successor goes in and finds half a write. It takes
    torture explore --memory-model pso.`,
  source: 'arch_mcs_spin_unlock_contended() of Linux is a store-release, kernel/locking/mcs_spinlock.h',
  scenarios: ['lock-mcs'],
  site: 'mcs-lock/hand-over',
  oracle: 'DATA',
  hardness: 'X',
  memoryModel: 'pso',
  params: { locks: 1, nested: 0, trylocks: 0, hold: 0 },
})
