/**
 * A thread that runs in an address space: its accesses go through its TLB, fault when they must, and take interrupts in
 * between. What a scenario works with.
 */
import { violated } from '../check/oracle.ts'
import { passMasked, site } from '../shm/sites.ts'
import { mmput } from './exit.ts'
import { FAULT_OK } from './fault.ts'
import { fork } from './fork.ts'
import { Kernel, type Mm } from './kernel.ts'
import { DATA_AT, type MemoryImage } from './memory.ts'
import { mmgetNotZero } from './mm-life.ts'
import { dontneed, type Mapping, mmap, mprotect, munmap } from './mmap.ts'
import type { PolicyName } from './policy/policy.ts'

const ACCESS = site('task/access')

export class Task {
  readonly k: Kernel
  mm: Mm

  constructor(image: MemoryImage, cpu: number, policy: PolicyName, mm = 0) {
    this.k = new Kernel(image, cpu, policy)
    this.mm = this.k.mms[mm]
  }

  /** Number of the address space it is in. */
  get home(): number {
    return this.mm.tag - 1
  }

  /** Comes online in its address space, which exists: before the first access. */
  begin(): void {
    this.k.cpu.run()
    if (!mmgetNotZero(this.k, this.mm)) violated('REF', `a thread begins in mm ${this.home}, which does not exist`)
    this.enter(this.mm)
  }

  /** Ends: nothing of this thread waits for a grace period, and nobody waits for it any more. */
  end(): void {
    this.k.frames.drainLru()
    this.k.rcu.barrier()
    this.k.tlb.flush()
    Atomics.and(this.k.w, this.mm.cpumask, ~(1 << this.k.cpu.id))
    mmput(this.k, this.mm)
    this.k.rcu.barrier()
    this.k.cpu.offline()
  }

  /** Goes to sleep for some time, holding nothing; `wake` ends it. */
  sleep(): void {
    this.k.frames.drainLru()
    this.k.rcu.barrier()
    this.k.cpu.idle()
  }

  wake(): void {
    this.k.cpu.run()
  }

  /**
   * Switches to another address space, if it exists. There are no address space identifiers: the TLB is flushed. False:
   * it stayed where it was.
   */
  switchMm(id: number): boolean {
    const previous = this.mm
    const next = this.k.mms[id]
    if (next === previous) return true
    if (!mmgetNotZero(this.k, next)) return false
    this.enter(next)
    Atomics.and(this.k.w, previous.cpumask, ~(1 << this.k.cpu.id))
    mmput(this.k, previous)
    return true
  }

  /** Makes a copy of the address space that it is in; -1: no memory. Whoever gets the number ends it with `exit`. */
  fork(): number {
    return fork(this.k, this.mm)
  }

  /** Gives up the use that came with `fork`. Whoever is in the address space may stay until it leaves. */
  exit(id: number): void {
    mmput(this.k, this.k.mms[id])
  }

  private enter(mm: Mm): void {
    // In the mask before the first translation: who clears an entry afterwards knows that it must tell us.
    Atomics.or(this.k.w, mm.cpumask, 1 << this.k.cpu.id)
    this.mm = mm
    this.k.tlb.flush()
  }

  /**
   * Makes a page accessible and begins an access: the word where its content begins, or the negative FAULT_ code. The
   * caller reads and writes at once and then calls `accessed`.
   */
  access(vpn: number, write: boolean): number {
    const { k, mm } = this
    for (;;) {
      k.cpu.poll()
      const frame = k.tlb.lookup(mm, vpn, write)
      if (frame !== 0) {
        passMasked(ACCESS, vpn, frame)
        return frame + DATA_AT
      }
      k.stats.faults++
      const result = k.policy.fault(mm, vpn, write)
      if (result !== FAULT_OK) return -result
    }
  }

  /** Ends an access: the frame must still be the one that was translated to. */
  accessed(vpn: number): void {
    this.k.tlb.verify(vpn)
  }

  mmap(mm: number, start: number, end: number, mapping: Mapping): number {
    return mmap(this.k, this.k.mms[mm], start, end, mapping)
  }

  munmap(mm: number, start: number, end: number): number {
    return munmap(this.k, this.k.mms[mm], start, end)
  }

  mprotect(mm: number, start: number, end: number, write: boolean): number {
    return mprotect(this.k, this.k.mms[mm], start, end, write)
  }

  dontneed(mm: number, start: number, end: number): number {
    return dontneed(this.k, this.k.mms[mm], start, end)
  }
}
