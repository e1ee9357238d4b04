/** Per-VMA locks as in Linux 6.15 and later: one reference count in the VMA, over VMAs that are recycled at once. */
import { writeSeqcountBegin } from '../../sync/seqcount.ts'
import type { Mm } from '../mm.ts'
import {
  DETACHED,
  LOCKED,
  OTHER,
  READ_LOCKED,
  vmaEndRead,
  vmaEndWriteAll,
  vmaMarkAttached,
  vmaMarkDetached,
  vmaStartRead,
  vmaStartWrite,
} from '../vma/vma-lock.ts'
import { findVma } from '../vma/vma-store.ts'
import { PerVmaLocks } from './per-vma.ts'

export class VmaLockPolicy extends PerVmaLocks {
  readonly name = 'vma-lock'

  protected lockVmaUnderRcu(mm: Mm, vpn: number): number {
    const k = this.k
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

  protected endRead(vma: number): void {
    vmaEndRead(this.k, vma)
  }

  writeLock(mm: Mm): void {
    mm.lock.downWrite()
    writeSeqcountBegin(this.k.w, mm.seq)
  }

  writeUnlock(mm: Mm): void {
    vmaEndWriteAll(this.k, mm)
    mm.lock.upWrite()
  }

  writeDowngrade(mm: Mm): void {
    vmaEndWriteAll(this.k, mm)
    mm.lock.downgradeWrite()
  }

  startWrite(mm: Mm, vma: number): void {
    vmaStartWrite(this.k, mm, vma)
  }

  attach(vma: number): void {
    vmaMarkAttached(this.k, vma)
  }

  detach(mm: Mm, vma: number): void {
    vmaMarkDetached(this.k, mm, vma)
  }

  /** The slab is type-safe by RCU: whoever still counts it finds out whose it is. */
  free(vma: number): void {
    this.k.vmas.free(vma)
  }
}
