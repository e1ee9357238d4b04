/** What an operation that takes entries out of the page tables collects them in. */
import type { Mm } from '../mm.ts'

export interface Gather {
  /**
   * Begins an operation that revokes translations of [start, end): all of them and the pages' contents with `drops`,
   * else those that may write. Comes before the first entry is cleared: whoever then finds an entry gone also finds that
   * a flush is pending. Without `zeroes` nobody may find the pages zero afterwards: they are not to be had any more.
   */
  begin(mm: Mm, start: number, end: number, drops: boolean, zeroes?: boolean): void
  /** An entry was cleared or lost rights. */
  addChange(): void
  /** Takes over the reference of a frame whose entry was cleared. True when the gather is full: flush soon. */
  addFrame(frame: number): boolean
  /** Takes over a table that is out of the page tables: it is freed when nobody can walk it any more. */
  addTable(table: number): void
  /** Flushes only: for dirty shared pages, before the page table lock is released and the page can be cleaned. */
  flushTlb(): void
  /** Flushes, then frees. */
  flush(): void
  /** Ends the operation: afterwards no CPU uses what it revoked. */
  finish(): void
  /** Everything is as it was: nothing was revoked after all, and nothing dropped. */
  forgo(): void
  /** What the operation revoked besides the range that it began with. */
  alsoRevoked(start: number, end: number): void
}
