/** Every fault takes mmap_lock for read: what Linux did before per-VMA locks, and still does when they fail. */
import { violated } from '../../check/oracle.ts'
import { handleMmFault } from '../fault/fault.ts'
import { ALLOW_RETRY, FAULT_RETRY, FAULT_SEGV, TRIED } from '../fault/fault-codes.ts'
import type { Kernel } from '../kernel.ts'
import { VMA } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { findVmaBesideStacks, growStack } from '../vma/stack.ts'
import { OUT_OF_RANGE, permits, verifyVma } from '../vma/vma.ts'
import type { Policy } from './policy.ts'

export class MmapLockPolicy implements Policy {
  readonly name: string = 'mmap-lock'
  protected readonly k: Kernel

  constructor(k: Kernel) {
    this.k = k
  }

  fault(mm: Mm, vpn: number, write: boolean): number {
    return faultUnderMmapLock(this.k, mm, vpn, write, ALLOW_RETRY)
  }

  endFault(mm: Mm): void {
    mm.lock.upRead()
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

  writeLock(mm: Mm): void {
    mm.lock.downWrite()
  }

  writeUnlock(mm: Mm): void {
    mm.lock.upWrite()
  }

  writeDowngrade(mm: Mm): void {
    mm.lock.downgradeWrite()
  }

  /** mmap_lock held for write keeps all faults away already. */
  startWrite(): void {}

  attach(vma: number): void {
    markAttached(this.k, vma)
  }

  detach(_mm: Mm, vma: number): void {
    markDetached(this.k, vma)
  }

  /** Nobody looks at a VMA without mmap_lock. */
  free(vma: number): void {
    this.k.vmas.free(vma)
  }
}

/** For policies to whom vm_refcnt is only a mark: the VMA is in the store. */
export function markAttached(k: Kernel, vma: number): void {
  const before = Atomics.exchange(k.w, vma + VMA.vm_refcnt, 1)
  if (before !== 0) violated('CNT', `vma ${vma} is attached with vm_refcnt ${before}`)
}

export function markDetached(k: Kernel, vma: number): void {
  const before = Atomics.exchange(k.w, vma + VMA.vm_refcnt, 0)
  if (before !== 1) violated('CNT', `vma ${vma} is detached with vm_refcnt ${before}`)
}

/** The classic fault: find the VMA under mmap_lock, handle, and try once more if the handler had to let the lock go. */
export function faultUnderMmapLock(k: Kernel, mm: Mm, vpn: number, write: boolean, given: number): number {
  let faultFlags = given
  for (;;) {
    if (!mm.lock.downReadTrylock()) mm.lock.downRead()
    let vma = findVmaBesideStacks(k, mm, vpn)
    if (vma === 0) vma = growStack(k, mm, vpn)
    const flags = vma === 0 ? 0 : verifyVma(k, mm, vma, vpn)
    if (flags === OUT_OF_RANGE)
      violated('VMA', `page ${vpn} of mm ${mm.tag - 1} was looked up under mmap_lock, and found in a VMA elsewhere`)
    const result = permits(flags, write) ? handleMmFault(k, mm, vma, vpn, write, faultFlags) : FAULT_SEGV
    if (result !== FAULT_RETRY) {
      mm.lock.upRead()
      return result
    }
    // The handler has dropped the lock already. It may do so once: the second time it waits with the lock held.
    k.stats.retries++
    faultFlags = TRIED
  }
}
