/**
 * fork: a second address space that holds the same. Nothing is copied but the page tables: private pages become
 * read-only on both sides, and whoever writes first gets a copy. The parent's threads go on meanwhile, up to where they
 * would change something: each of its VMAs is locked before its entries are copied.
 */
import { bug, pass, passSlow, site } from '../../shm/sites.ts'
import { writeSeqcountBegin, writeSeqcountEnd } from '../../sync/seqcount.ts'
import { spinLock, spinUnlock } from '../../sync/spinlock.ts'
import { entryFor } from '../fault/entries.ts'
import { FORCED } from '../fault/fault-codes.ts'
import type { Kernel } from '../kernel.ts'
import {
  FRAME,
  MMF_UNSTABLE,
  PG_ANON_EXCLUSIVE,
  PTE_ACCESSED,
  PTE_DIRTY,
  PTE_FRAME_SHIFT,
  PTE_WRITE,
  TABLE,
  VM_SHARED,
  VM_WRITE,
  VMA,
  ZERO_FRAME,
} from '../layout.ts'
import type { Mm } from '../mm.ts'
import { anonVmaFork } from '../rmap/anon-vma.ts'
import { linkMapping } from '../rmap/i-mmap.ts'
import { allocPmd, findPmd, pteOffsetMapLock, pteUnmapUnlock } from '../table/page-table.ts'
import { changePte, ptep, readPte, setPte } from '../table/pte.ts'
import { allocVma, setFlags } from '../vma/vma.ts'
import { eachRange, storeRange } from '../vma/vma-store.ts'
import { inheritHeap } from './brk.ts'
import { mmput } from './exit.ts'
import { mmAlloc } from './mm-life.ts'

const VMA_UNLOCKED = bug('fork-vma-unlocked')
const IGNORE_PINS = bug('fork-ignores-pins')
const COPY_VMA = site('fork/copy-vma')
const COPY_TABLE = site('fork/copy-table')
const PINNED = site('fork/pinned')
const SHARE = site('fork/share')

/**
 * Makes a copy of the address space, which the caller uses. Returns its number, with one user, or -1: no memory, or the
 * OOM reaper has been at it, and there is no whole copy any more.
 */
export function fork(k: Kernel, parent: Mm): number {
  const id = mmAlloc(k)
  if (id === -1) return -1
  const child = k.mms[id]
  k.policy.writeLock(parent)
  // Nobody knows the child yet, but its VMAs are found by their pages as soon as they are linked.
  k.policy.writeLock(child)
  // Under the lock that keeps the reaper out.
  const whole = (Atomics.load(k.w, parent.flags) & MMF_UNSTABLE) === 0
  const complete = whole && dupMmap(k, parent, child)
  inheritHeap(k, child, parent)
  k.policy.writeUnlock(child)
  k.policy.writeUnlock(parent)
  k.quiesce()
  if (complete) return id
  mmput(k, child)
  return -1
}

function dupMmap(k: Kernel, parent: Mm, child: Mm): boolean {
  const vmas: number[] = []
  eachRange(k, parent, (_start, _end, vma) => vmas.push(vma))
  // Rights are taken away from the parent's entries, and every CPU must know before anybody may write to a copy.
  k.gather.begin(parent, 0, 0, false)
  writeSeqcountBegin(k.w, parent.writeProtectSeq)
  const complete = vmas.every(vma => copyVma(k, parent, child, vma))
  writeSeqcountEnd(k.w, parent.writeProtectSeq)
  k.gather.finish()
  return complete
}

function copyVma(k: Kernel, parent: Mm, child: Mm, vma: number): boolean {
  const w = k.w
  // Faults under the VMA lock do not look at mmap_lock: without this they would write to pages that are being shared.
  if (!VMA_UNLOCKED) k.policy.startWrite(parent, vma)
  passSlow(COPY_VMA, parent.tag, vma)
  const start = Atomics.load(w, vma + VMA.vm_start)
  const end = Atomics.load(w, vma + VMA.vm_end)
  const copy = k.shouldFail()
    ? 0
    : allocVma(k, child, start, end, Atomics.load(w, vma + VMA.object), Atomics.load(w, vma + VMA.vm_pgoff))
  if (copy === 0) return false
  k.policy.startWrite(child, copy)
  setFlags(k, copy, Atomics.load(w, vma + VMA.vm_flags))
  if (!anonVmaFork(k, copy, vma)) {
    k.policy.free(copy)
    return false
  }
  linkMapping(k, copy, vma)
  k.policy.attach(copy)
  storeRange(k, child, start, end, copy)
  Atomics.add(w, child.mapCount, 1)
  // Pages of an object that nobody has a copy of are found again by faults.
  if (Atomics.load(w, vma + VMA.anon_vma) === 0) return true
  if (!copyRange(k, parent, child, vma, copy, start, end)) return false
  if ((Atomics.load(w, vma + VMA.vm_flags) & VM_SHARED) === 0) k.gather.alsoRevoked(start, end)
  return true
}

/** Copies the entries of `vma`, whose copy is `copy`. False when memory is exhausted. */
function copyRange(k: Kernel, parent: Mm, child: Mm, vma: number, copy: number, start: number, end: number): boolean {
  const spare: Spare = { frame: 0 }
  let complete = true
  for (let vpn = start; vpn < end && complete; ) {
    const tableEnd = Math.min(end, (vpn | k.tableMask) + 1)
    const source = findPmd(k, parent, vpn)
    if (source === 0 || Atomics.load(k.w, source) === 0) {
      vpn = tableEnd
      continue
    }
    const target = k.shouldFail() ? 0 : allocPmd(k, child, vpn)
    if (target !== 0) vpn = copyTable(k, child, vma, copy, source, target, vpn, tableEnd, spare)
    // No frame is allocated under the tables' locks.
    if (target !== 0 && vpn < tableEnd) spare.frame = k.shouldFail() ? 0 : k.frames.alloc()
    complete = target !== 0 && (vpn === tableEnd || spare.frame !== 0)
  }
  if (spare.frame !== 0) k.frames.put(spare.frame)
  return complete
}

/** A frame for the copy of a page that must be copied at once; 0: none. */
interface Spare {
  frame: number
}

/**
 * Copies the entries of one leaf table. The child's table is locked first, then the parent's: fork alone holds two.
 * Returns where to go on: before its end if a frame is needed first.
 */
function copyTable(
  k: Kernel,
  child: Mm,
  vma: number,
  copy: number,
  source: number,
  target: number,
  start: number,
  end: number,
  spare: Spare,
): number {
  const to = pteOffsetMapLock(k, target)
  const from = Atomics.load(k.w, source)
  spinLock(k.cpu, from + TABLE.ptl)
  pass(COPY_TABLE, start, end)
  const shared = (Atomics.load(k.w, vma + VMA.vm_flags) & VM_SHARED) !== 0
  let vpn = start
  for (; vpn < end; vpn++) {
    const at = ptep(k, from, vpn)
    if (!isPinned(k, at)) copyEntry(k, child, at, ptep(k, to, vpn), shared)
    else if (spare.frame !== 0) copyPinned(k, child, copy, vpn, at, ptep(k, to, vpn), spare)
    else break
  }
  spinUnlock(k.cpu, from + TABLE.ptl)
  pteUnmapUnlock(k, to)
  return vpn
}

/**
 * Whether a page is this address space's own and somebody may have pinned it: then it must stay so. A pin that is taken
 * without a lock at this moment finds write_protect_seq odd, and is given up.
 */
function isPinned(k: Kernel, at: number): boolean {
  const pte = readPte(k, at)
  const frame = pte >>> PTE_FRAME_SHIFT
  if (pte === 0 || frame === ZERO_FRAME || !k.frames.isAnon(frame)) return false
  if ((Atomics.load(k.w, k.frames.at(frame) + FRAME.flags) & PG_ANON_EXCLUSIVE) === 0) return false
  if (!k.frames.maybePinned(frame)) return false
  pass(PINNED, at, frame)
  return !IGNORE_PINS
}

/** The parent keeps its page as it is, rights included; the child gets a copy at once. */
function copyPinned(k: Kernel, child: Mm, vma: number, vpn: number, from: number, to: number, spare: Spare): void {
  const { frame } = spare
  spare.frame = 0
  k.frames.copy(readPte(k, from) >>> PTE_FRAME_SHIFT, frame)
  k.frames.firstMapping(frame, vma, vpn)
  k.countAnon(child, 1)
  // No right is taken away here. But the operation says that it has taken all, and so it must have flushed.
  k.gather.addChange()
  const writable = (Atomics.load(k.w, vma + VMA.vm_flags) & VM_WRITE) !== 0
  setPte(k, to, entryFor(frame, writable ? 0 : FORCED))
}

function copyEntry(k: Kernel, child: Mm, from: number, to: number, shared: boolean): void {
  let pte = readPte(k, from)
  if (pte === 0) return
  const frame = pte >>> PTE_FRAME_SHIFT
  if (frame === ZERO_FRAME) {
    setPte(k, to, pte)
    return
  }
  const anon = k.frames.isAnon(frame)
  pass(SHARE, frame, pte)
  // From now on both map it, and neither may write to it without asking.
  if (anon) Atomics.and(k.w, k.frames.at(frame) + FRAME.flags, ~PG_ANON_EXCLUSIVE)
  if (!shared) {
    // A bit that the hardware sets between load and swap makes the swap fail, and is not lost.
    while (!changePte(k, from, pte, pte & ~PTE_WRITE)) pte = readPte(k, from)
    if (pte & PTE_WRITE) k.gather.addChange()
  }
  k.frames.get(frame)
  k.frames.addMapping(frame)
  if (anon) k.countAnon(child, 1)
  else k.countShmem(child, 1)
  // The child has neither used nor written it.
  const rights = shared ? pte : pte & ~PTE_WRITE
  setPte(k, to, (anon ? rights : rights & ~PTE_DIRTY) & ~PTE_ACCESSED)
}
