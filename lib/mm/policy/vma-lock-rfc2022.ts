/**
 * Per-VMA locks as first proposed, in 2022. No hint before the semaphore, and no mark on VMAs that were taken out of the
 * store: a reader that gets the semaphore of such a VMA after its writer has unlocked all could not tell. The `detached`
 * flag was added for that before the patches were merged; here, where it does not exist yet, the page is looked up
 * a second time once the VMA is locked.
 */
import { pass, site } from '../../shm/sites.ts'
import { VMA } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { findVma } from '../vma/vma-store.ts'
import { PerVmaRwsems } from './per-vma-rwsem.ts'

const BEFORE_LOCK = site('vma-lock-rfc2022/before-lock')

export class VmaLockRfcPolicy extends PerVmaRwsems {
  readonly name = 'vma-lock-rfc2022'

  protected lockVmaUnderRcu(mm: Mm, vpn: number): number {
    const { rcu } = this.k
    rcu.readLock()
    const vma = findVma(this.k, mm, vpn)
    const locked = this.#lock(mm, vpn, vma)
    rcu.readUnlock()
    return locked ? vma : 0
  }

  #lock(mm: Mm, vpn: number, vma: number): boolean {
    const { k } = this
    const { w, stats } = k
    if (vma === 0) {
      stats.fallbackNoVma++
      return false
    }
    if (Atomics.load(w, vma + VMA.object) !== 0) {
      stats.fallbackShared++
      return false
    }
    pass(BEFORE_LOCK, vma, mm.tag)
    if (!this.locks.tryStartRead(mm, vma)) {
      stats.fallbackLocked++
      return false
    }
    const gone = findVma(k, mm, vpn) !== vma
    if (!gone && Atomics.load(w, vma + VMA.anon_vma) !== 0) return true
    this.locks.endRead(vma)
    if (gone) stats.fallbackDetached++
    else stats.fallbackAnonVma++
    return false
  }
}
