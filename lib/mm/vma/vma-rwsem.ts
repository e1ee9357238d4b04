/**
 * The per-VMA lock before Linux 6.15: a read-write semaphore for each VMA, and vm_lock_seq. A writer, who holds
 * mmap_lock for write, takes the semaphore only to note mm_lock_seq in the VMA: while the two are equal, the VMA is
 * locked. It may have to sleep until the readers are gone; readers never wait, they only try. All VMAs are unlocked at
 * once when mm_lock_seq moves on, together with mmap_lock.
 *
 * The semaphore belongs to the VMA, so a VMA is freed after a grace period only, and a reader that unlocks does so in an
 * RCU section: the writer that it wakes may free the VMA before it is through.
 *
 * Here mm_lock_seq moves on by two, so that its lowest bit, which later generations use, stays clear.
 */
import { objectAt } from '../../shm/arena.ts'
import { passSlow, site } from '../../shm/sites.ts'
import { Rwsem } from '../../sync/rwsem.ts'
import type { Kernel } from '../kernel.ts'
import { VMA } from '../layout.ts'
import type { Mm } from '../mm.ts'

const STEP = 2

const WAIT_READERS = site('vma-rwsem/wait-readers')

export class VmaRwsems {
  readonly #k: Kernel
  /** By the VMA's number in its slab. */
  readonly #sems: readonly Rwsem[]

  constructor(k: Kernel) {
    const { vmaLocks, waiters } = k.image
    this.#k = k
    this.#sems = Array.from({ length: vmaLocks.count }, (_, n) => new Rwsem(k.cpu, waiters, objectAt(vmaLocks, n)))
  }

  /** Whether the VMA is, or may be, locked for write; without its lock only a hint. */
  isWriteLocked(mm: Mm, vma: number): boolean {
    return Atomics.load(this.#k.w, vma + VMA.vm_lock_seq) === Atomics.load(this.#k.w, mm.seq, 'acquire')
  }

  /** In the RCU section in which the VMA was found. */
  tryStartRead(mm: Mm, vma: number): boolean {
    const sem = this.#of(vma)
    if (!sem.downReadTrylock()) return false
    if (!this.isWriteLocked(mm, vma)) return true
    // The writer has the semaphore no more, but has not let go of mmap_lock.
    sem.upRead()
    return false
  }

  endRead(vma: number): void {
    this.#k.rcu.readLock()
    this.#of(vma).upRead()
    this.#k.rcu.readUnlock()
  }

  startWrite(mm: Mm, vma: number): void {
    mm.lock.assertHeldWrite()
    if (this.isWriteLocked(mm, vma)) return
    const sem = this.#of(vma)
    if (!sem.downWriteTrylock()) {
      passSlow(WAIT_READERS, vma, mm.tag)
      sem.downWrite()
    }
    Atomics.store(this.#k.w, vma + VMA.vm_lock_seq, Atomics.load(this.#k.w, mm.seq))
    sem.upWrite()
  }

  /** Unlocks all VMAs of an address space; mmap_lock is still held for write. */
  endWriteAll(mm: Mm): void {
    // Release: who finds a VMA unlocked finds it changed. Nobody else writes the number.
    Atomics.store(this.#k.w, mm.seq, (Atomics.load(this.#k.w, mm.seq) + STEP) | 0, 'release')
  }

  #of(vma: number): Rwsem {
    const { objects } = this.#k.image.vmas
    return this.#sems[(vma - objects.base) / objects.stride]
  }
}
