/**
 * Flushing for reclaim, which takes single entries of many address spaces away and would interrupt every CPU for each.
 * It notes which address spaces it owes a flush and flushes each once, before a page is written or freed. Meanwhile
 * entries are gone that other CPUs still use: whoever finds an entry gone, and promises that nobody uses it, has to ask
 * `flushBatchedPending` first.
 *
 * Source: our specification; Linux commits 72b252aed506 (2015) and 3ea277194daa (2017).
 */
import { bug, pass, passSlow, site } from '../../shm/sites.ts'
import type { Kernel } from '../kernel.ts'
import type { Mm } from '../mm.ts'
import { ALL_PAGES, shootdown } from './shootdown.ts'

const PENDING_IGNORED = bug('reclaim-flush-ignored')
const FLUSH = site('unmap-batch/flush')
const PENDING = site('unmap-batch/pending')

/** One thread's, while it reclaims. */
export class UnmapBatch {
  readonly #k: Kernel
  /** Of each address space, whether it is owed a flush. */
  readonly #owed: boolean[]
  #any = false

  constructor(k: Kernel) {
    this.#k = k
    this.#owed = k.mms.map(() => false)
  }

  /** An entry of the address space was cleared, under the lock of its table, and not flushed. */
  add(mm: Mm): void {
    this.#owed[mm.tag - 1] = true
    this.#any = true
    // Under the same lock: who finds the entry gone finds the flush pending.
    Atomics.add(this.#k.w, mm.flushBatched, 1)
  }

  /** Pays: afterwards no CPU uses what was cleared. */
  flush(): void {
    if (!this.#any) return
    this.#any = false
    for (const mm of this.#k.mms) {
      if (!this.#owed[mm.tag - 1]) continue
      this.#owed[mm.tag - 1] = false
      passSlow(FLUSH, mm.tag, 0)
      shootdown(this.#k, mm, 0, ALL_PAGES)
    }
  }
}

/**
 * Flushes if reclaim has cleared entries of the address space and nobody is known to have flushed them. Under the lock of
 * the table that is looked at: an entry found gone was counted before the lock was free.
 */
export function flushBatchedPending(k: Kernel, mm: Mm): void {
  const { w } = k
  const cleared = Atomics.load(w, mm.flushBatched)
  const flushed = Atomics.load(w, mm.flushBatchDone)
  if (cleared === flushed) return
  pass(PENDING, mm.tag, cleared)
  if (PENDING_IGNORED) return
  shootdown(k, mm, 0, ALL_PAGES)
  // Not if somebody was faster: what was cleared during our flush stays pending.
  Atomics.compareExchange(w, mm.flushBatchDone, flushed, cleared)
}
