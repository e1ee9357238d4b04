/**
 * A thread that runs in an address space: its accesses go through its TLB, fault when they must, and take interrupts in
 * between. What a scenario works with.
 */
import { violated } from '../check/oracle.ts'
import { bug, pass, passMasked, site } from '../shm/sites.ts'
import { bootKernel } from './boot.ts'
import { brk, startHeap } from './call/brk.ts'
import { mmput } from './call/exit.ts'
import { fork } from './call/fork.ts'
import { mmdrop, mmgetNotZero, mmgrab } from './call/mm-life.ts'
import { dontneed, type Mapping, mmap, mprotect, munmap } from './call/mmap.ts'
import { mremap, type Remap } from './call/mremap.ts'
import { FAULT_OK } from './fault/fault-codes.ts'
import type { Kernel } from './kernel.ts'
import { DATA_AT, type MemoryImage } from './memory.ts'
import type { Mm } from './mm.ts'
import type { PolicyName } from './policy/policy.ts'

const TABLES_FIRST = bug('switch-mm-tables-first')
const NO_GEN_CHECK = bug('lazy-tlb-no-gen-check')
const ACCESS = site('task/access')
const LOADED = site('task/mm-loaded')
const BEHIND = site('task/lazy-behind')
const UP_TO_DATE = site('task/lazy-up-to-date')

/**
 * A thread in the model: its CPU, its address space, and the system calls it makes. Calls return 0 (`DONE`), `ENOMEM`
 * or `EINVAL`, `access` one of the FAULT_ codes; pages are numbers, [start, end) everywhere.
 */
export class Task {
  readonly k: Kernel
  mm: Mm
  /** Kernel work is done: the address space is only loaded, not used. */
  #lazy = false
  /** tlb_gen from before the TLB was last emptied. */
  #flushedAt = 0
  /** How often it came back from kernel work to what was loaded, and had to flush the TLB, or had not. */
  readonly comebacks = { flushed: 0, kept: 0 }

  constructor(image: MemoryImage, cpu: number, policy: PolicyName, mm = 0) {
    this.k = bootKernel(image, cpu, policy)
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
    this.leave(this.mm)
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
   * Switches to another address space, if it exists. There are no address space identifiers: the TLB is flushed, unless
   * the one wanted is still loaded from before kernel work. False: it stayed where it was.
   */
  switchMm(id: number): boolean {
    const previous = this.mm
    const next = this.k.mms[id]
    if (next === previous && !this.#lazy) return true
    if (!mmgetNotZero(this.k, next)) return false
    if (next === previous) this.comeBack()
    else {
      this.enter(next)
      this.leave(previous)
    }
    return true
  }

  /**
   * Goes to do kernel work, for which any address space will do: it stops using its own and leaves it loaded. Nobody
   * interrupts the CPU for it any more. The struct is kept, but it may well be the last user that goes, or others may be
   * the last ones: then `switchMm` must find another one. No accesses until `switchMm`.
   */
  enterLazy(): void {
    const { k, mm } = this
    mmgrab(k, mm)
    Atomics.or(k.w, mm.lazyMask, 1 << k.cpu.id)
    this.#lazy = true
    mmput(k, mm)
  }

  get isLazy(): boolean {
    return this.#lazy
  }

  /** Kernel work is over, and the thread goes on in the address space that is loaded. */
  private comeBack(): void {
    const { k, mm } = this
    Atomics.and(k.w, mm.lazyMask, ~(1 << k.cpu.id))
    this.#lazy = false
    // Full order: whoever has cleared entries and not seen us back yet has moved the time on before it looked.
    const now = Atomics.load(k.w, mm.gen)
    if (now === this.#flushedAt) {
      pass(UP_TO_DATE, mm.tag, now)
      this.comebacks.kept++
    } else {
      pass(BEHIND, mm.tag, now)
      this.comebacks.flushed++
      if (!NO_GEN_CHECK) {
        this.#flushedAt = now
        k.tlb.flush()
      }
    }
    mmdrop(k, mm)
  }

  /** The CPU holds no translations of the address space any more. */
  private leave(mm: Mm): void {
    const { k } = this
    const others = ~(1 << k.cpu.id)
    Atomics.and(k.w, mm.cpumask, others)
    if (this.#lazy) {
      Atomics.and(k.w, mm.lazyMask, others)
      this.#lazy = false
      mmdrop(k, mm)
    } else mmput(k, mm)
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
    const { k } = this
    const bit = 1 << k.cpu.id
    // In the mask before the tables are loaded: who clears an entry that is walked to afterwards knows that it must tell us.
    if (!TABLES_FIRST) Atomics.or(k.w, mm.cpumask, bit)
    this.#flushedAt = Atomics.load(k.w, mm.gen)
    this.mm = mm
    k.tlb.load(mm)
    pass(LOADED, mm.tag, bit)
    if (TABLES_FIRST) Atomics.or(k.w, mm.cpumask, bit)
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

  /**
   * As `access`, with page faults disabled: 0 if the page is not there, or not with that right. The hardware walks page
   * tables all the same, and no lock keeps it out.
   */
  accessNofault(vpn: number, write: boolean): number {
    const { k } = this
    k.cpu.poll()
    const frame = k.tlb.lookup(this.mm, vpn, write)
    return frame === 0 ? 0 : frame + DATA_AT
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

  /** Where the heap of an address space begins; before anybody uses it. */
  startHeap(mm: number, start: number): void {
    startHeap(this.k, this.k.mms[mm], start)
  }

  brk(mm: number, to: number): number {
    return brk(this.k, this.k.mms[mm], to)
  }

  mremap(mm: number, start: number, end: number, how: Remap): number {
    return mremap(this.k, this.k.mms[mm], start, end, how)
  }

  dontneed(mm: number, start: number, end: number): number {
    return dontneed(this.k, this.k.mms[mm], start, end)
  }
}
