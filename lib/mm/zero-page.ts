/** Replacing the zero page under a page that is written to for the first time after it was read. */
import { passSlow, site } from '../shm/sites.ts'
import { FAULT_OK, FAULT_OOM, writableEntry } from './fault.ts'
import { shootdown } from './gather.ts'
import type { Kernel, Mm } from './kernel.ts'
import { PAGE_LOG } from './layout.ts'
import { pteOffsetMapLock, pteUnmapUnlock } from './page-table.ts'
import { clearPte, ptep, readPte, setPte } from './pte.ts'

const BREAK = site('zero-page/break')

/**
 * Puts a frame of its own in the place of the zero page. Other CPUs may have the zero page in their TLBs and would go
 * on reading zeros, so the entry is cleared and flushed before the new one is set, all under the page table lock: whoever
 * spins for it takes interrupts, so the flush gets through.
 */
export function breakZeroPage(k: Kernel, mm: Mm, pmd: number, vpn: number, original: number): number {
  const frame = k.frames.alloc()
  if (frame === 0) return FAULT_OOM
  const table = pteOffsetMapLock(k, pmd)
  if (table === 0) {
    k.frames.put(frame)
    return FAULT_OK
  }
  const w = k.w
  const at = ptep(k, table, vpn)
  const time = (Atomics.add(w, mm.gen, 1) + 1) | 0
  const won = readPte(k, at) === original
  if (won) {
    clearPte(k, at)
    passSlow(BREAK, vpn, frame)
    shootdown(k, mm, k.tickets)
    k.frames.firstMapping(frame)
    k.countAnon(mm, 1)
    Atomics.store(w, mm.log(vpn, PAGE_LOG.revoked), time)
    setPte(k, at, writableEntry(frame))
  }
  pteUnmapUnlock(k, table)
  if (!won) k.frames.put(frame)
  return FAULT_OK
}
