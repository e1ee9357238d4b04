/**
 * Pages of the own address space without any lock: the tables are walked as the hardware does, a reference is taken on
 * the suspicion that the entry is still there, and everything is looked at once more. What was found stays what it was
 * as long as both the entry and the table that holds it are unchanged after the reference was taken: from then on
 * whoever takes the page out of the tables finds that it is referenced.
 *
 * The tables are freed after a grace period, so the walk is an RCU section. On x86 interrupts are off as well, and a
 * flush by interrupt waits for the walk; here as where flushes are not interrupts it does not, and RCU is all there is.
 *
 * fork shares pages that the walk may be about to pin, and looks for pins before it does: a pin that it could not see
 * is told by `write_protect_seq`, and given up.
 */
import { violated } from '../../check/oracle.ts'
import { POISON } from '../../shm/arena.ts'
import { bug, pass, passSlow, site } from '../../shm/sites.ts'
import { readSeqcountBegin, readSeqcountRetry } from '../../sync/seqcount.ts'
import type { Kernel } from '../kernel.ts'
import { PTE_FRAME_SHIFT, PTE_PRESENT, PTE_WRITE } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { findPmd, walkedIntoFreedTable } from '../table/page-table.ts'
import { ptep, readPte } from '../table/pte.ts'
import { ANY_VMA, FOLL_PIN, FOLL_WRITE, mustUnshare, tryGrab, ungrab } from './foll.ts'

/** Nothing is held: it takes the slow way. */
export const NOT_FAST = -1

const IGNORE_FORK = bug('gup-fast-ignores-fork')
const NO_RECHECK = bug('gup-fast-no-recheck')
const FOUND_TABLE = site('gup-fast/found-table')
const READ_PTE = site('gup-fast/read-pte')
const GRABBED = site('gup-fast/grabbed')
const CHANGED = site('gup-fast/changed')
const FORKED = site('gup-fast/forked')

/** The frame that the page translates to, referenced as asked for, or NOT_FAST. */
export function gupFast(k: Kernel, mm: Mm, vpn: number, foll: number): number {
  const pins = (foll & FOLL_PIN) !== 0
  const seq = pins ? readSeqcountBegin(k.w, mm.writeProtectSeq) : 0
  if (seq & 1 && !IGNORE_FORK) return NOT_FAST
  k.rcu.readLock()
  const frame = walk(k, mm, vpn, foll)
  k.rcu.readUnlock()
  if (!pins || frame === NOT_FAST || !readSeqcountRetry(k.w, mm.writeProtectSeq, seq)) return frame
  passSlow(FORKED, vpn, frame)
  if (IGNORE_FORK) return frame
  ungrab(k, frame, foll)
  return NOT_FAST
}

function walk(k: Kernel, mm: Mm, vpn: number, foll: number): number {
  const pmd = findPmd(k, mm, vpn)
  const table = pmd === 0 ? 0 : Atomics.load(k.w, pmd)
  if (table === 0) return NOT_FAST
  if (table === POISON) walkedIntoFreedTable(vpn, 1)
  const generation = k.tables.generation(table)
  pass(FOUND_TABLE, vpn, table)
  const frame = grabPage(k, vpn, pmd, table, foll)
  // GEN oracle: what was linked when the section began is not freed before it ends, let alone used for something else.
  const now = k.tables.generation(table)
  if (now !== generation || (now & 1) === 0) freedUnderUs(vpn, table, generation, now)
  return frame
}

function grabPage(k: Kernel, vpn: number, pmd: number, table: number, foll: number): number {
  const at = ptep(k, table, vpn)
  const pte = readPte(k, at)
  if ((pte & PTE_PRESENT) === 0) {
    if (pte === POISON) walkedIntoFreedTable(vpn, 0)
    return NOT_FAST
  }
  if (foll & FOLL_WRITE && (pte & PTE_WRITE) === 0) return NOT_FAST
  const frame = pte >>> PTE_FRAME_SHIFT
  pass(READ_PTE, vpn, frame)
  // The frame may be free by now, or somebody else's.
  if (!tryGrab(k, frame, foll)) return NOT_FAST
  pass(GRABBED, vpn, frame)
  if (!NO_RECHECK && (Atomics.load(k.w, pmd) !== table || readPte(k, at) !== pte)) {
    pass(CHANGED, vpn, frame)
    ungrab(k, frame, foll)
    return NOT_FAST
  }
  // After the reference: whoever shares the page from now on finds the pin.
  if ((pte & PTE_WRITE) === 0 && mustUnshare(k, frame, ANY_VMA, foll)) {
    ungrab(k, frame, foll)
    return NOT_FAST
  }
  return frame
}

function freedUnderUs(vpn: number, table: number, before: number, now: number): never {
  violated(
    'GEN',
    `the table of page ${vpn} was freed while it was walked in an RCU section: generation ${before}, then ${now}`,
    { table },
  )
}
