/**
 * A fault read-locks the one VMA it concerns, found under RCU, and falls back to mmap_lock whenever that does not work
 * at once: Linux 6.15 and later. Each reason for a fallback is counted; falling back is part of the protocol.
 */
import { writeSeqcountBegin, writeSeqcountEnd } from '../../sync/seqcount.ts'
import {
  ALLOW_RETRY,
  FAULT_COMPLETED,
  FAULT_OK,
  FAULT_RETRY,
  FAULT_SEGV,
  handleMmFault,
  TRIED,
  UNDER_VMA_LOCK,
} from '../fault.ts'
import type { Kernel, Mm } from '../kernel.ts'
import { OUT_OF_RANGE, permits, verifyVma } from '../vma.ts'
import {
  DETACHED,
  LOCKED,
  OTHER,
  READ_LOCKED,
  vmaEndRead,
  vmaMarkAttached,
  vmaMarkDetached,
  vmaStartRead,
  vmaStartWrite,
} from '../vma-lock.ts'
import { findVma } from '../vma-store.ts'
import { faultUnderMmapLock } from './mmap-lock.ts'
import type { Policy } from './policy.ts'

export class VmaLockPolicy implements Policy {
  readonly name = 'vma-lock'
  readonly #k: Kernel

  constructor(k: Kernel) {
    this.#k = k
  }

  fault(mm: Mm, vpn: number, write: boolean): number {
    const k = this.#k
    const vma = this.#lockVmaUnderRcu(mm, vpn)
    if (vma === 0) return faultUnderMmapLock(k, mm, vpn, write, ALLOW_RETRY)
    // Only now is the VMA stable: it may have been moved, or recycled at another address, before it was locked.
    const flags = verifyVma(k, mm, vma, vpn)
    if (flags === OUT_OF_RANGE) {
      vmaEndRead(k, vma)
      k.stats.fallbackRange++
      return faultUnderMmapLock(k, mm, vpn, write, ALLOW_RETRY)
    }
    if (!permits(flags, write)) {
      vmaEndRead(k, vma)
      k.stats.fast++
      return FAULT_SEGV
    }
    const result = handleMmFault(k, mm, vma, vpn, write, ALLOW_RETRY | UNDER_VMA_LOCK)
    if (result === FAULT_RETRY) {
      // The VMA lock is gone already, and what it protected may have changed: start again, under mmap_lock.
      k.stats.fallbackRetry++
      return faultUnderMmapLock(k, mm, vpn, write, TRIED)
    }
    // Completed: the handler has dropped the lock, and there is nothing more to do.
    if (result !== FAULT_COMPLETED) vmaEndRead(k, vma)
    k.stats.fast++
    return result === FAULT_COMPLETED ? FAULT_OK : result
  }

  /** The read-locked VMA that held the page when it was found, or 0: fall back. */
  #lockVmaUnderRcu(mm: Mm, vpn: number): number {
    const k = this.#k
    k.rcu.readLock()
    for (;;) {
      const vma = findVma(k, mm, vpn)
      if (vma === 0) {
        k.stats.fallbackNoVma++
        break
      }
      const result = vmaStartRead(k, mm, vma)
      if (result === DETACHED) {
        // It was taken out of the store since the walk, and something else may be in its place by now.
        k.stats.rewalks++
        continue
      }
      if (result !== READ_LOCKED) {
        if (result === LOCKED) k.stats.fallbackLocked++
        else if (result === OTHER) k.stats.fallbackOtherMm++
        else k.stats.fallbackRefs++
        break
      }
      k.rcu.readUnlock()
      return vma
    }
    k.rcu.readUnlock()
    return 0
  }

  writeLock(mm: Mm): void {
    mm.lock.downWrite()
    writeSeqcountBegin(this.#k.w, mm.seq)
  }

  writeUnlock(mm: Mm): void {
    // Unlocks every VMA at once: their vm_lock_seq is not the current number any more.
    writeSeqcountEnd(this.#k.w, mm.seq)
    mm.lock.upWrite()
  }

  writeDowngrade(mm: Mm): void {
    writeSeqcountEnd(this.#k.w, mm.seq)
    mm.lock.downgradeWrite()
  }

  startWrite(mm: Mm, vma: number): void {
    vmaStartWrite(this.#k, mm, vma)
  }

  attach(vma: number): void {
    vmaMarkAttached(this.#k, vma)
  }

  detach(mm: Mm, vma: number): void {
    vmaMarkDetached(this.#k, mm, vma)
  }
}
