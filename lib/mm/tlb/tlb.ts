/** A thread's TLB: the translations that it has cached. */
import type { Mm } from '../mm.ts'

export interface Tlb {
  /** Forgets everything. */
  flush(): void
  /** Forgets the pages of [start, end). */
  flushRange(start: number, end: number): void
  /**
   * Another address space is loaded: all that is cached goes, and hardware walks the new tables from here on whenever it
   * likes.
   */
  load(mm: Mm): void
  /** Word of the frame that the page translates to, with the rights asked for; 0: a fault. */
  lookup(mm: Mm, vpn: number, write: boolean): number
  /**
   * The access is over; no interrupt was taken since `lookup`. FREE oracle: the frame cannot have been freed meanwhile,
   * since we have not acknowledged its flush.
   */
  verify(vpn: number): void
}
