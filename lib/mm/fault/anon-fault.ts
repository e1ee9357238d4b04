/** First touch of anonymous memory: the zero page, or a zeroed frame of its own. */
import { bug, pass, site } from '../../shm/sites.ts'
import type { Kernel } from '../kernel.ts'
import { MMF_UNSTABLE, PTE_ACCESSED, PTE_FRAME_SHIFT, PTE_PRESENT, ZERO_FRAME } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { pteOffsetMapLock, pteUnmapUnlock } from '../table/page-table.ts'
import { ptep, readPte, setPte } from '../table/pte.ts'
import { entryFor } from './entries.ts'
import { FAULT_COMPLETED, FAULT_OK, FAULT_OOM, FAULT_SIGBUS, UNDER_VMA_LOCK } from './fault-codes.ts'
import { noAnonVma, prepareAnonVma } from './prepare-anon-vma.ts'

const PUT_EARLY = bug('vma-put-early')
const UNSTABLE_UNCHECKED = bug('oom-unstable-unchecked')
const INSTALL = site('fault/install')
const LOST_RACE = site('fault/pte-changed')

/** A page nobody has written yet reads from the zero page. */
export function faultAnonRead(k: Kernel, mm: Mm, pmd: number, vpn: number): number {
  const table = pteOffsetMapLock(k, pmd)
  if (table === 0) return FAULT_OK
  const at = ptep(k, table, vpn)
  const lost = readPte(k, at) !== 0
  const unstable = !lost && isUnstable(k, mm)
  if (lost) pass(LOST_RACE, vpn, 0)
  else if (!unstable) setPte(k, at, (ZERO_FRAME << PTE_FRAME_SHIFT) | PTE_PRESENT | PTE_ACCESSED)
  pteUnmapUnlock(k, table)
  return unstable ? FAULT_SIGBUS : FAULT_OK
}

/** First touch by a write: a zeroed frame of its own. */
export function faultAnonWrite(k: Kernel, mm: Mm, vma: number, pmd: number, vpn: number, flags: number): number {
  if (!prepareAnonVma(k, mm, vma, flags)) return noAnonVma(k, mm, vma, flags)
  const frame = k.frames.alloc()
  if (frame === 0) return FAULT_OOM
  if (PUT_EARLY && flags & UNDER_VMA_LOCK) k.policy.endFault(mm, vma, flags)
  pass(INSTALL, vpn, frame)
  const result = installAnon(k, mm, vma, pmd, vpn, entryFor(frame, flags))
  return PUT_EARLY && flags & UNDER_VMA_LOCK ? FAULT_COMPLETED : result
}

/** Maps a new frame of private memory where nothing is mapped yet, or gives it back. */
export function installAnon(k: Kernel, mm: Mm, vma: number, pmd: number, vpn: number, entry: number): number {
  const frame = entry >>> PTE_FRAME_SHIFT
  const table = pteOffsetMapLock(k, pmd)
  if (table === 0) {
    k.frames.put(frame)
    return FAULT_OK
  }
  const at = ptep(k, table, vpn)
  const lost = readPte(k, at) !== 0
  const unstable = !lost && isUnstable(k, mm)
  if (!lost && !unstable) {
    // Counted before it is published: whoever finds the entry may take it down again at once.
    k.frames.firstMapping(frame, vma, vpn)
    k.countAnon(mm, 1)
    setPte(k, at, entry)
  }
  pteUnmapUnlock(k, table)
  if (lost) pass(LOST_RACE, vpn, 1)
  if (lost || unstable) k.frames.put(frame)
  return unstable ? FAULT_SIGBUS : FAULT_OK
}

/**
 * Whether an entry that is none may be one that the OOM reaper has taken away. Asked under the lock of the table, which
 * the reaper takes after it has set the flag: who does not find it set yet has its entry taken away afterwards.
 */
export function isUnstable(k: Kernel, mm: Mm): boolean {
  return !UNSTABLE_UNCHECKED && (Atomics.load(k.w, mm.flags) & MMF_UNSTABLE) !== 0
}
