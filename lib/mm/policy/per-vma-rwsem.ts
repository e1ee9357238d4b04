/** What the generations of per-VMA locks before Linux 6.15 have in common: a semaphore for each VMA, freed by RCU. */

import type { Kernel } from '../kernel.ts'
import type { Mm } from '../mm.ts'
import { VmaRwsems } from '../vma/vma-rwsem.ts'
import { markAttached, markDetached } from './mmap-lock.ts'
import { PerVmaLocks } from './per-vma.ts'

export abstract class PerVmaRwsems extends PerVmaLocks {
  protected readonly locks: VmaRwsems

  constructor(k: Kernel) {
    super(k)
    this.locks = new VmaRwsems(k)
  }

  protected endRead(vma: number): void {
    this.locks.endRead(vma)
  }

  writeLock(mm: Mm): void {
    mm.lock.downWrite()
  }

  writeUnlock(mm: Mm): void {
    this.locks.endWriteAll(mm)
    mm.lock.upWrite()
  }

  writeDowngrade(mm: Mm): void {
    this.locks.endWriteAll(mm)
    mm.lock.downgradeWrite()
  }

  startWrite(mm: Mm, vma: number): void {
    this.locks.startWrite(mm, vma)
  }

  attach(vma: number): void {
    markAttached(this.k, vma)
  }

  /** The VMA is locked for write, so nobody has to be waited for. */
  detach(_mm: Mm, vma: number): void {
    markDetached(this.k, vma)
  }

  free(vma: number): void {
    this.k.retireVma(vma)
  }
}
