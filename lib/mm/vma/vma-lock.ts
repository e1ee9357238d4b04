/**
 * The per-VMA lock of Linux 6.15 and later: one reference count that is lock and attachment at once, over VMAs that are
 * type-safe by RCU. RCU protects the walk to the VMA; the count pins its type and its attachment; vm_lock_seq against
 * mm_lock_seq gives exclusion; the comparison of vm_mm and of the address gives identity, since the VMA may have been
 * recycled between the walk and the count.
 */
import { violated } from '../../check/oracle.ts'
import { bug, pass, passSlow, site } from '../../shm/sites.ts'
import { park, unpark } from '../../sync/park.ts'
import { writeSeqcountEnd } from '../../sync/seqcount.ts'
import { mmdrop, mmgrab } from '../call/mm-life.ts'
import type { Kernel } from '../kernel.ts'
import { VMA } from '../layout.ts'
import type { Mm } from '../mm.ts'

/** What a writer adds to vm_refcnt; readers stay below. */
export const VMA_LOCK_OFFSET = 0x40000000
const VMA_REF_LIMIT = VMA_LOCK_OFFSET - 1

const TRUST_IDENTITY = bug('vma-reuse-identity')
const PUT_WITHOUT_MM = bug('vma-put-mm-freed')
const UNLOCK_RELAXED = bug('vma-unlock-relaxed')
const BEFORE_COUNT = site('vma-lock/before-count')
const OTHER_MM = site('vma-lock/other-mm')
const LAST_READER = site('vma-lock/last-reader')
const WAIT_READERS = site('vma-lock/wait-readers')
const END_WRITE = site('vma-lock/end-write-all')

/** Why a VMA could not be read-locked. */
export const LOCKED = 0
export const READ_LOCKED = 1
export const DETACHED = 2
export const TOO_MANY = 3
export const OTHER = 4

/** Tries to read-lock a VMA that was found under RCU; the caller is still in the same RCU section. */
export function vmaStartRead(k: Kernel, mm: Mm, vma: number): number {
  const w = k.w
  // A hint that spares the count's line; taken as locked wrongly at worst, and the fault falls back.
  if (Atomics.load(w, vma + VMA.vm_lock_seq, 'relaxed') === Atomics.load(w, mm.seq, 'relaxed')) return LOCKED
  pass(BEFORE_COUNT, vma, mm.tag)
  for (;;) {
    const count = Atomics.load(w, vma + VMA.vm_refcnt, 'relaxed')
    if (count === 0) return DETACHED
    if (count + 1 > VMA_REF_LIMIT) return TOO_MANY
    // Acquire: what the VMA says is read only after the count pinned it.
    if (Atomics.compareExchange(w, vma + VMA.vm_refcnt, count, count + 1, 'acquire') === count) break
  }
  // From here the VMA stays attached, but to whom? It may have been recycled since the walk.
  const owner = Atomics.load(w, vma + VMA.vm_mm)
  if (owner !== mm.tag && !TRUST_IDENTITY) {
    passSlow(OTHER_MM, vma, owner)
    const other = k.mms[owner - 1]
    // The other address space may end as soon as we let go of its VMA, and we still have to wake its writer.
    if (!PUT_WITHOUT_MM) mmgrab(k, other)
    vmaEndRead(k, vma)
    if (!PUT_WITHOUT_MM) mmdrop(k, other)
    return OTHER
  }
  // The writer sets vm_lock_seq while it holds the count's upper bit, and we would not be here; but it may have come
  // and gone between the hint and the count, or have locked a VMA before attaching it.
  if (Atomics.load(w, vma + VMA.vm_lock_seq) === Atomics.load(w, mm.seq, 'acquire')) {
    vmaEndRead(k, vma)
    return LOCKED
  }
  return READ_LOCKED
}

/** Unlocks, and wakes the writer if it was this reader that it waited for. */
export function vmaEndRead(k: Kernel, vma: number): void {
  const w = k.w
  // Whose VMA it is must be read before the count is given up: afterwards it may be anybody's.
  const owner = Atomics.load(w, vma + VMA.vm_mm)
  const left = Atomics.sub(w, vma + VMA.vm_refcnt, 1, 'release') - 1
  if (left < 0) violated('CNT', `vma ${vma} was read-unlocked once more than locked`)
  if (left === VMA_LOCK_OFFSET || left === VMA_LOCK_OFFSET + 1) wakeWriter(k, vma, owner)
}

function wakeWriter(k: Kernel, vma: number, owner: number): void {
  const mm = k.mms[owner - 1]
  pass(LAST_READER, vma, owner)
  const waiter = Atomics.load(k.w, mm.writerWait)
  // GEN oracle: the writer may have gone on without being woken, and have been the last to need the address space.
  if (Atomics.load(k.w, mm.count) <= 0)
    violated('GEN', `mm ${owner - 1} was freed before the last reader of vma ${vma} woke its writer`)
  if (waiter !== 0) unpark(k.cpu, waiter - 1)
}

/** Write-locks a VMA until mmap_lock is released or downgraded; mmap_lock is held for write. */
export function vmaStartWrite(k: Kernel, mm: Mm, vma: number): void {
  const w = k.w
  // Only who holds mmap_lock for write changes either.
  const seq = Atomics.load(w, mm.seq, 'relaxed')
  if ((seq & 1) === 0) violated('CNT', `vma ${vma} is write-locked without mmap_lock`)
  if (Atomics.load(w, vma + VMA.vm_lock_seq, 'relaxed') === seq) return
  const attached = addOffsetNotZero(w, vma)
  if (attached) waitForReaders(k, mm, vma, VMA_LOCK_OFFSET + 1)
  // While the upper bit is set nobody can come in; once it is gone the sequence number keeps them out.
  Atomics.store(w, vma + VMA.vm_lock_seq, seq)
  if (attached) Atomics.sub(w, vma + VMA.vm_refcnt, VMA_LOCK_OFFSET)
}

/**
 * Unlocks all VMAs that a writer has locked: their vm_lock_seq is not the present number any more. Release: who finds
 * the new number, and with it the VMA unlocked, sees what the writer has changed.
 */
export function vmaEndWriteAll(k: Kernel, mm: Mm): void {
  const w = k.w
  if (UNLOCK_RELAXED) {
    const seq = Atomics.load(w, mm.seq, 'relaxed')
    Atomics.store(w, mm.seq, (seq + 1) | 0, 'relaxed')
  } else writeSeqcountEnd(w, mm.seq)
  passSlow(END_WRITE, mm.tag, Atomics.load(w, mm.seq, 'relaxed'))
}

/** Makes a locked VMA findable. Release: who can count it sees it whole, its lock included. */
export function vmaMarkAttached(k: Kernel, vma: number): void {
  const count = Atomics.load(k.w, vma + VMA.vm_refcnt)
  if (count !== 0) violated('CNT', `vma ${vma} is attached with vm_refcnt ${count}`)
  Atomics.store(k.w, vma + VMA.vm_refcnt, 1, 'release')
}

/** Ends a VMA's attachment and waits until the readers that came too late for its lock are gone. */
export function vmaMarkDetached(k: Kernel, mm: Mm, vma: number): void {
  const w = k.w
  if (Atomics.sub(w, vma + VMA.vm_refcnt, 1) === 1) return
  if (!addOffsetNotZero(w, vma)) return
  waitForReaders(k, mm, vma, VMA_LOCK_OFFSET)
  Atomics.sub(w, vma + VMA.vm_refcnt, VMA_LOCK_OFFSET)
}

function addOffsetNotZero(w: Int32Array, vma: number): boolean {
  for (;;) {
    const count = Atomics.load(w, vma + VMA.vm_refcnt)
    if (count === 0) return false
    if (Atomics.compareExchange(w, vma + VMA.vm_refcnt, count, count + VMA_LOCK_OFFSET) === count) return true
  }
}

function waitForReaders(k: Kernel, mm: Mm, vma: number, alone: number): void {
  const w = k.w
  if (Atomics.load(w, vma + VMA.vm_refcnt) === alone) return
  passSlow(WAIT_READERS, vma, Atomics.load(w, vma + VMA.vm_refcnt))
  // Announce first, look again, sleep: the last reader looks for a waiter after it gave up its count.
  Atomics.store(w, mm.writerWait, k.cpu.id + 1)
  while (Atomics.load(w, vma + VMA.vm_refcnt) !== alone) park(k.cpu)
  Atomics.store(w, mm.writerWait, 0)
}
