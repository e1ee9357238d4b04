/** The system calls that change an address space. Addresses and lengths in pages; [start, end) everywhere. */
import { violated } from '../../check/oracle.ts'
import { bug, passSlow, site } from '../../shm/sites.ts'
import type { Kernel } from '../kernel.ts'
import { VM_GROWSDOWN, VM_READ, VM_SHARED, VM_WRITE, VMA } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { linkMapping } from '../rmap/i-mmap.ts'
import { unlinkFromPages } from '../rmap/rmap-locks.ts'
import { findPmd, freePgtables } from '../table/page-table.ts'
import { ptep, readPte } from '../table/pte.ts'
import { mergeNew, modifyFlags, splitVma } from '../vma/merge.ts'
import { mayGrowInto } from '../vma/stack.ts'
import { allocVma, freeVma, setFlags } from '../vma/vma.ts'
import { borderBefore, borderBehind, chargeVma, findVmaIn, storeRange, unchargeVmas } from '../vma/vma-store.ts'
import { writeProtectRange, zapRange } from './zap.ts'

const VISIBLE_EARLY = bug('vma-visible-early')
const ALWAYS_DOWNGRADE = bug('munmap-always-downgrade')
const UNMAPPING = site('munmap/detached')
const INSERTED = site('mmap/inserted')

/** 0, or the reason why a call changed nothing, or stopped half-way as the kernel may. */
export const DONE = 0
/** No VMA, page table or frame was to be had; what was done before that may stay done. */
export const ENOMEM = 12
/** The range is not one, or the call does not fit what is mapped there. */
export const EINVAL = 22

/** What `mmap` maps, and how. */
export interface Mapping {
  readonly write: boolean
  /** Number + 1 of the object, 0 for private anonymous memory. */
  readonly object: number
  /** Whether writes go to the object, by default yes; if not, they make private copies of its pages. */
  readonly shared?: boolean
  /** Grows downwards: a stack. */
  readonly growsDown?: boolean
  /** First page of the object. */
  readonly offset: number
}

function flagsOf({ write, object, shared, growsDown }: Mapping): number {
  const kind = object === 0 || shared === false ? 0 : VM_SHARED
  return VM_READ | (write ? VM_WRITE : 0) | kind | (growsDown ? VM_GROWSDOWN : 0)
}

/** Maps memory at a fixed place; whatever was mapped there goes, as with MAP_FIXED. */
export function mmap(k: Kernel, mm: Mm, start: number, end: number, mapping: Mapping): number {
  if (!validRange(mm, start, end)) return EINVAL
  const { object } = mapping
  const flags = flagsOf(mapping)
  const pgoff = object === 0 ? start : mapping.offset
  k.policy.writeLock(mm, start, end)
  let result = unmapLocked(k, mm, start, end)
  if (result === DONE) {
    checkEmpty(k, mm, start, end)
    if (mergeNew(k, mm, start, end, flags, object, pgoff) === 0)
      result = insertNew(k, mm, start, end, flags, object, pgoff)
  }
  k.policy.writeUnlock(mm)
  k.quiesce()
  return result
}

/** A VMA over a hole that was found empty. ENOMEM: there is none. */
export function insertNew(
  k: Kernel,
  mm: Mm,
  start: number,
  end: number,
  flags: number,
  object: number,
  pgoff: number,
): number {
  if (!chargeVma(k, mm)) return ENOMEM
  const vma = allocVma(k, mm, start, end, object, pgoff)
  if (vma === 0) {
    unchargeVmas(k, mm, 1)
    return ENOMEM
  }
  // Locked before it can be found: from here to the end of the write lock, faults that find it fall back.
  if (!VISIBLE_EARLY) k.policy.startWrite(mm, vma)
  k.policy.attach(vma)
  storeRange(k, mm, start, end, vma)
  passSlow(INSERTED, start, end)
  setFlags(k, vma, flags)
  linkMapping(k, vma)
  if (VISIBLE_EARLY) k.policy.startWrite(mm, vma)
  return DONE
}

/** PT oracle: where nothing is mapped no entry may be left, and nobody can make one. */
export function checkEmpty(k: Kernel, mm: Mm, start: number, end: number): void {
  for (let vpn = start; vpn < end; ) {
    const pmd = findPmd(k, mm, vpn)
    const table = pmd === 0 ? 0 : Atomics.load(k.w, pmd)
    const tableEnd = Math.min(end, (vpn | k.tableMask) + 1)
    if (table !== 0) {
      for (; vpn < tableEnd; vpn++) {
        const pte = readPte(k, ptep(k, table, vpn))
        if (pte !== 0)
          violated('PT', `page ${vpn} of mm ${mm.tag - 1} has an entry although no VMA holds it: ${pte.toString(16)}`)
      }
    }
    vpn = tableEnd
  }
}

/** Unmaps whatever lies in the range. The pages are dropped under the read lock, once nobody can find the VMAs. */
export function munmap(k: Kernel, mm: Mm, start: number, end: number): number {
  if (!validRange(mm, start, end)) return EINVAL
  k.policy.writeLock(mm, start, end)
  return munmapAndUnlock(k, mm, start, end)
}

/** The same for who has the write lock, which is gone afterwards. */
export function munmapAndUnlock(k: Kernel, mm: Mm, start: number, end: number): number {
  const result = splitBorders(k, mm, start, end)
  const gone = result === DONE ? detachRange(k, mm, start, end) : []
  // Who may grow into the hole needs the lock for read only: then it is kept for write until the tables are gone.
  const downgrades = ALWAYS_DOWNGRADE || !mayGrowInto(k, mm, end)
  if (downgrades) k.policy.writeDowngrade(mm)
  passSlow(UNMAPPING, start, end)
  unmapDetached(k, mm, gone)
  if (downgrades) k.policy.readUnlock(mm)
  else k.policy.writeUnlock(mm)
  k.quiesce()
  return result
}

/** As munmap, for who needs the write lock afterwards. */
export function unmapLocked(k: Kernel, mm: Mm, start: number, end: number): number {
  const result = splitBorders(k, mm, start, end)
  if (result === DONE) unmapDetached(k, mm, detachRange(k, mm, start, end))
  return result
}

/** Makes start and end borders of VMAs, where they lie in one. */
export function splitBorders(k: Kernel, mm: Mm, start: number, end: number): number {
  for (const at of [start, end]) {
    const vma = findVmaIn(k, mm, at - 1, at)
    if (vma === 0 || Atomics.load(k.w, vma + VMA.vm_end) === at) continue
    if (!splitVma(k, mm, vma, at, at === end)) return ENOMEM
  }
  return DONE
}

/** Takes the VMAs of the range, whole ones by now, out of the store; nobody holds or finds them afterwards. */
function detachRange(k: Kernel, mm: Mm, start: number, end: number): number[] {
  const gone: number[] = []
  for (let at = start; at < end; ) {
    const vma = findVmaIn(k, mm, at, end)
    if (vma === 0) break
    k.policy.startWrite(mm, vma)
    k.policy.detach(mm, vma)
    gone.push(vma)
    at = Atomics.load(k.w, vma + VMA.vm_end)
  }
  if (gone.length > 0) {
    storeRange(k, mm, start, end, 0)
    unchargeVmas(k, mm, gone.length)
  }
  return gone
}

/** Drops the pages and tables of detached VMAs, then the VMAs; their range is locked, for read at least. */
function unmapDetached(k: Kernel, mm: Mm, gone: readonly number[]): void {
  if (gone.length === 0) return
  const w = k.w
  const first = Atomics.load(w, gone[0] + VMA.vm_start)
  const last = Atomics.load(w, gone[gone.length - 1] + VMA.vm_end)
  k.gather.begin(mm, first, last, true)
  for (const vma of gone) {
    const shared = Atomics.load(w, vma + VMA.object) !== 0
    zapRange(k, mm, k.gather, Atomics.load(w, vma + VMA.vm_start), Atomics.load(w, vma + VMA.vm_end), shared)
  }
  // Nobody may find the tables through a page any more when they go.
  for (const vma of gone) unlinkFromPages(k, vma)
  freePgtables(k, mm, k.gather, first, last, borderBefore(k, mm, first), borderBehind(k, mm, last))
  k.gather.finish()
  for (const vma of gone) freeVma(k, vma)
}

/** Gives back the tables of a range that no VMA holds and no page was left in. */
export function dropTables(k: Kernel, mm: Mm, start: number, end: number): void {
  k.gather.begin(mm, start, end, true)
  freePgtables(k, mm, k.gather, start, end, borderBefore(k, mm, start), borderBehind(k, mm, end))
  k.gather.finish()
}

/** Changes what the pages of the range may be used for: read only, or read and write. */
export function mprotect(k: Kernel, mm: Mm, start: number, end: number, write: boolean): number {
  if (!validRange(mm, start, end)) return EINVAL
  k.policy.writeLock(mm, start, end)
  // Rights are only taken away here; given ones reach the entries by the next fault, and no TLB need know.
  if (!write) k.gather.begin(mm, 0, 0, false)
  const result = protectRange(k, mm, start, end, write)
  if (!write) k.gather.finish()
  k.policy.writeUnlock(mm)
  k.quiesce()
  return result
}

function protectRange(k: Kernel, mm: Mm, start: number, end: number, write: boolean): number {
  for (let at = start; at < end; ) {
    const found = findVmaIn(k, mm, at, end)
    if (found === 0) return DONE
    const from = Math.max(at, Atomics.load(k.w, found + VMA.vm_start))
    const to = Math.min(end, Atomics.load(k.w, found + VMA.vm_end))
    const flags = Atomics.load(k.w, found + VMA.vm_flags)
    const vma = modifyFlags(k, mm, found, from, to, write ? flags | VM_WRITE : flags & ~VM_WRITE)
    if (vma === 0) return ENOMEM
    k.policy.startWrite(mm, vma)
    if (!write) {
      writeProtectRange(k, mm, k.gather, from, to)
      k.gather.alsoRevoked(from, to)
    }
    at = to
  }
  return DONE
}

/** madvise(MADV_DONTNEED): drops the pages; private memory reads as zero afterwards. Faults go on meanwhile. */
export function dontneed(k: Kernel, mm: Mm, start: number, end: number): number {
  if (!validRange(mm, start, end)) return EINVAL
  k.policy.readLock(mm, start, end)
  for (let at = start; at < end; ) {
    const vma = findVmaIn(k, mm, at, end)
    if (vma === 0) break
    const from = Math.max(at, Atomics.load(k.w, vma + VMA.vm_start))
    const to = Math.min(end, Atomics.load(k.w, vma + VMA.vm_end))
    // VMA by VMA: in the gaps a munmap that has downgraded may not have dropped its pages yet, and we promise nothing.
    k.gather.begin(mm, from, to, true)
    zapRange(k, mm, k.gather, from, to, Atomics.load(k.w, vma + VMA.object) !== 0)
    k.gather.finish()
    at = to
  }
  k.policy.readUnlock(mm)
  k.quiesce()
  return DONE
}

function validRange(mm: Mm, start: number, end: number): boolean {
  return start >= 0 && start < end && end <= mm.pages
}
