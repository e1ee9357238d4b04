/**
 * The part of a fault that all policies share: the VMA is stable, find out what the page needs. Pages are allocated and
 * filled without the page table lock; under it the entry is compared with what was seen before, and the work thrown
 * away if somebody was faster.
 */
import { bug, pass, site } from '../../shm/sites.ts'
import type { Kernel, Mm } from '../kernel.ts'
import {
  AVC,
  MMF_UNSTABLE,
  PTE_ACCESSED,
  PTE_DIRTY,
  PTE_FRAME_SHIFT,
  PTE_PRESENT,
  PTE_WRITE,
  VM_SHARED,
  VMA,
  ZERO_FRAME,
} from '../layout.ts'
import { anonVmaPrepare } from '../rmap/anon-vma.ts'
import { allocPmd, findPmd, pteOffsetMapLock, pteUnmapUnlock, walkedIntoFreedTable } from '../table/page-table.ts'
import { ptep, readPte, setPte } from '../table/pte.ts'
import { vmaEndingAt, vmaStartingAt } from '../vma/vma-store.ts'
import { faultCopyOnWrite } from './cow.ts'
import { faultPrivate } from './private-fault.ts'
import { faultMakeWritable, faultShared } from './shared-fault.ts'

/** Handled, or there was nothing to do: try the access again. */
export const FAULT_OK = 0
/** No VMA, or one that forbids the access. */
export const FAULT_SEGV = 1
/** No frame or no page table was to be had. */
export const FAULT_OOM = 2
/** The lock had to be dropped, and was: start again. */
export const FAULT_RETRY = 3

/** Handled, and the lock is gone already: do not unlock. */
export const FAULT_COMPLETED = 4

/** The OOM reaper takes the address space's pages away: its threads have nothing to hope for. */
export const FAULT_SIGBUS = 5

/** Flags of a fault: may answer FAULT_RETRY; has done so already; only this VMA is locked, its neighbours are not. */
export const ALLOW_RETRY = 1
export const TRIED = 2
export const UNDER_VMA_LOCK = 4
/** It is to be read, and must be this address space's own nevertheless; it is written to although the VMA forbids it. */
export const UNSHARE = 8
export const FORCED = 16

const PUT_EARLY = bug('vma-put-early')
const ANON_VMA_EARLY = bug('anon-vma-early')
const UNSTABLE_UNCHECKED = bug('oom-unstable-unchecked')
const INSTALL = site('fault/install')
const PREPARE = site('fault/prepare-anon-vma')
const LOST_RACE = site('fault/pte-changed')

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

/** A page nobody has written yet reads from the zero page. */
function faultAnonRead(k: Kernel, mm: Mm, pmd: number, vpn: number): number {
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

/**
 * Whether an entry that is none may be one that the OOM reaper has taken away. Asked under the lock of the table, which
 * the reaper takes after it has set the flag: who does not find it set yet has its entry taken away afterwards.
 */
export function isUnstable(k: Kernel, mm: Mm): boolean {
  return !UNSTABLE_UNCHECKED && (Atomics.load(k.w, mm.flags) & MMF_UNSTABLE) !== 0
}

/** First touch by a write: a zeroed frame of its own. */
function faultAnonWrite(k: Kernel, mm: Mm, vma: number, pmd: number, vpn: number, flags: number): number {
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

/** Entry of a page that is being written to right now: the hardware would set accessed and dirty anyway. */
export function writableEntry(frame: number): number {
  return (frame << PTE_FRAME_SHIFT) | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY
}

/** As `writableEntry`, of a page that is this address space's own, without rights that the VMA does not give. */
export function entryFor(frame: number, flags: number): number {
  if (flags & UNSHARE) return (frame << PTE_FRAME_SHIFT) | PTE_PRESENT | PTE_ACCESSED
  return flags & FORCED ? writableEntry(frame) & ~PTE_WRITE : writableEntry(frame)
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

/**
 * Makes sure that the VMA has an anon_vma before it gets its first page. That needs mmap_lock, since neighbours are
 * looked at; under the VMA lock it is only tried. False: `noAnonVma` says with what the fault ends.
 */
export function prepareAnonVma(k: Kernel, mm: Mm, vma: number, flags: number): boolean {
  if (Atomics.load(k.w, vma + VMA.anon_vma) !== 0) return true
  // Linux 6.4 took nothing here: its policy admitted no VMA without an anon_vma.
  const borrowed = (flags & UNDER_VMA_LOCK) !== 0 && !ANON_VMA_EARLY
  if (borrowed && !mm.lock.downReadTrylock()) return false
  const reusable = mergeableAnonVma(k, mm, vma)
  pass(PREPARE, vma, reusable)
  const prepared = anonVmaPrepare(k, vma, mm.pageTableLock, reusable)
  if (borrowed) mm.lock.upRead()
  return prepared
}

/** What a fault answers that could not get an anon_vma: under the VMA lock, which is dropped, it tries again without. */
export function noAnonVma(k: Kernel, mm: Mm, vma: number, flags: number): number {
  if ((flags & UNDER_VMA_LOCK) === 0) return FAULT_OOM
  k.stats.fallbackAnonVma++
  k.policy.endFault(mm, vma, flags)
  return FAULT_RETRY
}

/** The anon_vma of a neighbour that this VMA might be merged with some day, or 0. */
function mergeableAnonVma(k: Kernel, mm: Mm, vma: number): number {
  const prev = vmaEndingAt(k, mm, Atomics.load(k.w, vma + VMA.vm_start))
  const next = vmaStartingAt(k, mm, Atomics.load(k.w, vma + VMA.vm_end))
  return reusableAnonVma(k, prev) || reusableAnonVma(k, next)
}

/** A VMA's anon_vma, unless it has links to ancestors: who took it would have to be linked to them as well. */
function reusableAnonVma(k: Kernel, vma: number): number {
  if (vma === 0 || !isPrivate(k, vma)) return 0
  const chain = Atomics.load(k.w, vma + VMA.anon_vma_chain)
  return chain !== 0 && Atomics.load(k.w, chain + AVC.next_of_vma) === 0 ? Atomics.load(k.w, vma + VMA.anon_vma) : 0
}

function isPrivate(k: Kernel, vma: number): boolean {
  return (Atomics.load(k.w, vma + VMA.vm_flags) & VM_SHARED) === 0
}
