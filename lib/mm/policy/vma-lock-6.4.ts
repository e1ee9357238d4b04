/**
 * Per-VMA locks as in Linux 6.4. The VMA found under RCU cannot have become another one, but it may have been taken out
 * of the store, and unlocked, before it is locked here: `detached` (vm_refcnt 0) is looked at afterwards. Only private
 * memory that has an anon_vma is supported.
 */
import { bug, pass, site } from '../../shm/sites.ts'
import { VMA } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { findVma } from '../vma/vma-store.ts'
import { PerVmaRwsems } from './per-vma-rwsem.ts'

const DETACHED_UNCHECKED = bug('vma-detached-unchecked')
const ANON_VMA_EARLY = bug('anon-vma-early')
const BEFORE_LOCK = site('vma-lock-6.4/before-lock')

export class VmaLock64Policy extends PerVmaRwsems {
  readonly name = 'vma-lock-6.4'

  protected lockVmaUnderRcu(mm: Mm, vpn: number): number {
    const { rcu, stats } = this.k
    rcu.readLock()
    for (;;) {
      const vma = findVma(this.k, mm, vpn)
      if (vma === 0) stats.fallbackNoVma++
      else if (this.#lock(mm, vma)) {
        if (this.#isAttached(vma)) {
          rcu.readUnlock()
          return vma
        }
        this.locks.endRead(vma)
        stats.rewalks++
        continue
      }
      rcu.readUnlock()
      return 0
    }
  }

  /** Locks the VMA for read if it is one that is supported; counts why it did not. */
  #lock(mm: Mm, vma: number): boolean {
    const { w, stats } = this.k
    if (Atomics.load(w, vma + VMA.object) !== 0) {
      stats.fallbackShared++
      return false
    }
    if (ANON_VMA_EARLY && Atomics.load(w, vma + VMA.anon_vma) === 0) {
      stats.fallbackAnonVma++
      return false
    }
    // Spares the semaphore's line; taken as locked wrongly at worst.
    const locked = this.locks.isWriteLocked(mm, vma)
    if (!locked) pass(BEFORE_LOCK, vma, mm.tag)
    if (locked || !this.locks.tryStartRead(mm, vma)) {
      stats.fallbackLocked++
      return false
    }
    // Only now: before, mremap could take the anon_vma away again.
    if (ANON_VMA_EARLY || Atomics.load(w, vma + VMA.anon_vma) !== 0) return true
    this.locks.endRead(vma)
    stats.fallbackAnonVma++
    return false
  }

  #isAttached(vma: number): boolean {
    return DETACHED_UNCHECKED || Atomics.load(this.k.w, vma + VMA.vm_refcnt) !== 0
  }
}
