/**
 * The part of a fault that all policies share: the VMA is stable, find out what the page needs. Pages are allocated and
 * filled without the page table lock; under it the entry is compared with what was seen before, and the work thrown
 * away if somebody was faster.
 */
import type { Kernel } from '../kernel.ts'
import { PTE_PRESENT, PTE_WRITE, VMA } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { allocPmd, findPmd, walkedIntoFreedTable } from '../table/page-table.ts'
import { ptep, readPte } from '../table/pte.ts'
import { isPrivate } from '../vma/vma.ts'
import { faultAnonRead, faultAnonWrite } from './anon-fault.ts'
import { faultCopyOnWrite } from './cow.ts'
import { FAULT_OK, FAULT_OOM, UNSHARE } from './fault-codes.ts'
import { noAnonVma, prepareAnonVma } from './prepare-anon-vma.ts'
import { faultPrivate } from './private-fault.ts'
import { faultMakeWritable, faultShared } from './shared-fault.ts'

/** Handles a fault that the VMA permits. With FAULT_RETRY the lock is gone; with any other code the caller unlocks. */
export function handleMmFault(k: Kernel, mm: Mm, vma: number, vpn: number, write: boolean, flags: number): number {
  let pmd = findPmd(k, mm, vpn)
  let table = pmd === 0 ? 0 : Atomics.load(k.w, pmd)
  if (table === 0) {
    pmd = allocPmd(k, mm, vpn)
    if (pmd === 0) return FAULT_OOM
    table = Atomics.load(k.w, pmd)
  }
  const original = readPte(k, ptep(k, table, vpn))
  if (original === 0) {
    if (Atomics.load(k.w, vma + VMA.object) !== 0) return faultObject(k, mm, vma, pmd, vpn, write, flags)
    return write ? faultAnonWrite(k, mm, vma, pmd, vpn, flags) : faultAnonRead(k, mm, pmd, vpn)
  }
  if ((original & PTE_PRESENT) === 0) walkedIntoFreedTable(vpn, 0)
  if ((write || flags & UNSHARE) && (original & PTE_WRITE) === 0)
    return faultWriteProtected(k, mm, vma, pmd, vpn, original, flags)
  return FAULT_OK
}

function faultObject(k: Kernel, mm: Mm, vma: number, pmd: number, vpn: number, write: boolean, flags: number): number {
  if (isPrivate(k, vma)) return faultPrivate(k, mm, vma, pmd, vpn, write, flags)
  return faultShared(k, mm, vma, pmd, vpn, write, flags)
}

/** A write to a present entry without the right to, or a page that is to become the address space's own. */
function faultWriteProtected(
  k: Kernel,
  mm: Mm,
  vma: number,
  pmd: number,
  vpn: number,
  original: number,
  flags: number,
): number {
  if (!isPrivate(k, vma)) return faultMakeWritable(k, mm, vma, pmd, vpn, original, flags)
  if (!prepareAnonVma(k, mm, vma, flags)) return noAnonVma(k, mm, vma, flags)
  return faultCopyOnWrite(k, mm, vma, pmd, vpn, original, flags)
}
