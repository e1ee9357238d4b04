/**
 * What all generations of per-VMA locks have in common: a fault read-locks the one VMA it concerns, found under RCU, and
 * falls back to mmap_lock whenever that does not work at once. Each reason for a fallback is counted; falling back is
 * part of the protocol. Those who change VMAs hold mmap_lock for write, and lock each VMA on top.
 */

import { handleMmFault } from '../fault/fault.ts'
import {
  ALLOW_RETRY,
  FAULT_COMPLETED,
  FAULT_OK,
  FAULT_RETRY,
  FAULT_SEGV,
  TRIED,
  UNDER_VMA_LOCK,
} from '../fault/fault-codes.ts'
import type { Kernel } from '../kernel.ts'
import type { Mm } from '../mm.ts'
import { OUT_OF_RANGE, permits, verifyVma } from '../vma/vma.ts'
import { faultUnderMmapLock } from './mmap-lock.ts'
import type { Policy } from './policy.ts'

export abstract class PerVmaLocks implements Policy {
  abstract readonly name: string
  protected readonly k: Kernel

  constructor(k: Kernel) {
    this.k = k
  }

  /** The read-locked VMA that held the page when it was found, or 0, the reason counted: fall back. */
  protected abstract lockVmaUnderRcu(mm: Mm, vpn: number): number
  protected abstract endRead(vma: number): void

  abstract writeLock(mm: Mm): void
  abstract writeUnlock(mm: Mm): void
  abstract writeDowngrade(mm: Mm): void
  abstract startWrite(mm: Mm, vma: number): void
  abstract attach(vma: number): void
  abstract detach(mm: Mm, vma: number): void
  abstract free(vma: number): void

  fault(mm: Mm, vpn: number, write: boolean): number {
    const k = this.k
    const vma = this.lockVmaUnderRcu(mm, vpn)
    if (vma === 0) return faultUnderMmapLock(k, mm, vpn, write, ALLOW_RETRY)
    // Only now is the VMA stable: it may have been moved, or recycled at another address, before it was locked.
    const flags = verifyVma(k, mm, vma, vpn)
    if (flags === OUT_OF_RANGE) {
      this.endRead(vma)
      k.stats.fallbackRange++
      return faultUnderMmapLock(k, mm, vpn, write, ALLOW_RETRY)
    }
    if (!permits(flags, write)) {
      this.endRead(vma)
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
    if (result !== FAULT_COMPLETED) this.endRead(vma)
    k.stats.fast++
    return result === FAULT_COMPLETED ? FAULT_OK : result
  }

  endFault(mm: Mm, vma: number, flags: number): void {
    if (flags & UNDER_VMA_LOCK) this.endRead(vma)
    else mm.lock.upRead()
  }

  readLock(mm: Mm): void {
    mm.lock.downRead()
  }

  readTrylock(mm: Mm): boolean {
    return mm.lock.downReadTrylock()
  }

  readUnlock(mm: Mm): void {
    mm.lock.upRead()
  }
}
