/** What the harness tortures, for use on its own: shared-memory layouts, locks and RCU, the address-space model, oracles. */
export { smpMb, smpMbAfterAtomic, smpMbBeforeAtomic } from './atomic/barriers.ts'
export * from './atomic/bitops.ts'
export { ATOMIC_BUILDS, type AtomicOperations } from './atomic/builds.ts'
export { atomicIncBelow, bitClearUnless, setMaskBits } from './atomic/cmpxchg-loops.ts'
export * from './atomic/native.ts'
export {
  PAGE_LOCK,
  PG_DIRTY,
  PG_LOCKED,
  PG_REFERENCED,
  PG_UPTODATE,
  PG_WAITERS,
  pageLock,
  pageTrylock,
  pageUnlock,
} from './atomic/page-lock.ts'
export {
  PercpuCounter,
  type PercpuCounterImage,
  percpuCounterError,
  percpuCounterRegion,
} from './atomic/percpu-counter.ts'
export * from './atomic/refcount.ts'
export { audit } from './check/audit.ts'
export * as models from './check/linearizability/models.ts'
export { OracleViolation, violated } from './check/oracle.ts'
export { SharedStamps, Stamps } from './check/stamps.ts'
export { ChaseLevDeque, type ChaseLevImage, chaseLevRegion, LOST } from './lockless/chase-lev.ts'
export { type Links, LLIST, Llist, llistRegion } from './lockless/llist.ts'
export { initMpmcRing, MpmcRing, type MpmcRingImage, mpmcRingRegion } from './lockless/mpmc-ring.ts'
export { initMsQueue, MsQueue, type MsQueueImage, msQueueRegion } from './lockless/ms-queue.ts'
export {
  HazardQueue,
  type HazardQueueImage,
  hazardQueueRegion,
  initHazardQueue,
} from './lockless/ms-queue-hazard.ts'
export { initNodes, NODE, Nodes, nodeRegion } from './lockless/nodes.ts'
export { initSpscRing, SpscRing, type SpscRingImage, spscRingRegion } from './lockless/spsc-ring.ts'
export { EpochStack, type EpochStackImage, epochStackRegion, initEpochStack } from './lockless/treiber-epoch.ts'
export { HazardStack, type HazardStackImage, hazardStackRegion, initHazardStack } from './lockless/treiber-hazard.ts'
export { initTaggedStack, TaggedStack, type TaggedStackImage, taggedStackRegion } from './lockless/treiber-tagged.ts'
export { bootKernel } from './mm/boot.ts'
export { DONE, dontneed, EINVAL, ENOMEM, type Mapping, mmap, mprotect, munmap } from './mm/call/mmap.ts'
export { FAULT_OK, FAULT_OOM, FAULT_SEGV } from './mm/fault/fault-codes.ts'
export type { FaultStats, Kernel } from './mm/kernel.ts'
export { createMemory, type MemoryImage, type MemoryOptions } from './mm/memory.ts'
export type { Mm } from './mm/mm.ts'
export { POLICIES, type Policy, type PolicyName } from './mm/policy/policy.ts'
export { Task } from './mm/task.ts'
export {
  ArenaBuilder,
  type ArenaImage,
  cellName,
  indexOf,
  objectAt,
  POISON,
  type Region,
  type RegionOptions,
} from './shm/arena.ts'
export { CPU, Cpu, cpuRegion } from './shm/cpu.ts'
export { type FieldInfo, type FieldSpec, infoOf, type StructInfo, type StructOf, struct } from './shm/layout.ts'
export { bug, configureSites, pass, passSlow, type SiteConfig, site, siteNames } from './shm/sites.ts'
export { initSlab, Slab, type SlabImage, slabRegion } from './shm/slab.ts'
export { BARRIER, Barrier } from './sync/barrier.ts'
export { COMPLETION, COMPLETION_WAITER, Completion, completionWaiterRegion } from './sync/completion.ts'
export { CONDITION, Condition } from './sync/condition.ts'
export { type EpochImage, Epochs, epochRegion } from './sync/epoch.ts'
export { FUTEX_BUCKET, FUTEX_WAITER, Futex, type FutexImage, futexRegion, WAKE_ALL } from './sync/futex.ts'
export { type HazardImage, HazardPointers, hazardRegion } from './sync/hazard-pointers.ts'
export { MCS_LOCK, MCS_NODE, type McsImage, McsLock, mcsRegion } from './sync/mcs-lock.ts'
export { MUTEX, Mutex } from './sync/mutex.ts'
export { park, unpark } from './sync/park.ts'
export { QNODE, QUEUED_SPINLOCK, QueuedSpinlock, qnodeRegion } from './sync/queued-spinlock.ts'
export { initRangeLocks, RangeLock, type RangeLockImage, RangeNodes, rangeLockRegion } from './sync/range-lock.ts'
export { Rcu, type RcuImage, rcuRegion } from './sync/rcu.ts'
export { RWLOCK, Rwlock } from './sync/rwlock.ts'
export { RWSEM, Rwsem, WAITER, waiterRegion } from './sync/rwsem.ts'
export { initSemaphore, SEMAPHORE, Semaphore } from './sync/semaphore.ts'
export {
  readSeqcountBegin,
  readSeqcountRetry,
  readSeqcountSpin,
  writeSeqcountBegin,
  writeSeqcountEnd,
} from './sync/seqcount.ts'
export { SEQLOCK, Seqlock } from './sync/seqlock.ts'
export { spinIsOwner, spinLock, spinTrylock, spinUnlock } from './sync/spinlock.ts'
export { Srcu, type SrcuImage, srcuRegion } from './sync/srcu.ts'
export { TICKET_LOCK, TicketLock } from './sync/ticket-lock.ts'
