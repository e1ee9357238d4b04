/**
 * Speculative faults: a fault tries without any lock first, and takes mmap_lock when that did not work out. Writers need
 * do nothing about single VMAs: whatever they change, they moved mm_lock_seq on before, and every speculation under way
 * is lost. VMAs are freed after a grace period, since they are copied under RCU.
 */
import { writeSeqcountBegin, writeSeqcountEnd } from '../../sync/seqcount.ts'
import { ALLOW_RETRY } from '../fault/fault-codes.ts'
import { ABORTED, SpeculativeFaults } from '../fault/speculative-fault.ts'
import type { Kernel } from '../kernel.ts'
import type { Mm } from '../mm.ts'
import { faultUnderMmapLock, MmapLockPolicy } from './mmap-lock.ts'

export class SpfPolicy extends MmapLockPolicy {
  override readonly name = 'spf'
  readonly #speculation: SpeculativeFaults

  constructor(k: Kernel) {
    super(k)
    this.#speculation = new SpeculativeFaults(k)
  }

  override fault(mm: Mm, vpn: number, write: boolean): number {
    const result = this.#speculation.handle(mm, vpn, write)
    if (result === ABORTED) return faultUnderMmapLock(this.k, mm, vpn, write, ALLOW_RETRY)
    this.k.stats.fast++
    return result
  }

  override writeLock(mm: Mm): void {
    mm.lock.downWrite()
    writeSeqcountBegin(this.k.w, mm.seq)
  }

  override writeUnlock(mm: Mm): void {
    writeSeqcountEnd(this.k.w, mm.seq)
    mm.lock.upWrite()
  }

  override writeDowngrade(mm: Mm): void {
    writeSeqcountEnd(this.k.w, mm.seq)
    mm.lock.downgradeWrite()
  }

  override free(vma: number): void {
    this.k.retireVma(vma)
  }
}
