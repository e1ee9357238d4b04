/**
 * The shrinker of the page cache: takes pages of a file that were not used of late out of all page tables, writes the
 * dirty ones and frees the clean ones. A batch of pages is unmapped first, locked all of them, then flushed at once;
 * only then is a page looked at for dirt, written, or freed.
 *
 * Source: our specification; Linux, shrink_folio_list(), try_to_unmap() and __remove_mapping(). There clean pages leave
 * the cache before the batch is flushed and are freed after it; unmapping a batch of locked pages and flushing before
 * anything else is what migrate_pages_batch() does.
 */
import { pass, passSlow, site } from '../../shm/sites.ts'
import type { Kernel } from '../kernel.ts'
import { FRAME, OBJECT, PG_DIRTY, PG_REFERENCED, PG_WRITEBACK } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { objectBase } from '../rmap/i-mmap.ts'
import { pageReferenced, rmapWalk } from '../rmap/rmap.ts'
import { clearPte } from '../table/pte.ts'
import { shootdown } from '../tlb/shootdown.ts'
import { UnmapBatch } from '../tlb/unmap-batch.ts'
import { belongsTo, clearSlot, findPage, objectPages } from './page-cache.ts'
import { transferBits, trylockPage, unlockPage } from './page-flags.ts'
import { checkClean, writePage } from './writeback.ts'

const UNMAP = site('shrink/unmap')
const UNMAPPED = site('shrink/unmapped')
const FROZEN = site('shrink/frozen')
const KEPT = site('shrink/kept')

/** Pages that are locked and unmapped at once: SWAP_CLUSTER_MAX. */
const BATCH = 32
/** The object's own and the shrinker's: who else refers to the page wants to keep it. */
const UNUSED = 2

/** What a call of the shrinker came to. */
export interface Shrunk {
  unmapped: number
  written: number
  freed: number
  /** Pages that somebody uses, or has locked. */
  kept: number
}

export interface ShrinkOptions {
  /** Pages to look at, at most. */
  readonly pages: number
  /** Whether flushes are put off to the end of a batch; if not, each entry is flushed as it is cleared. */
  readonly batched: boolean
  /** Whether pages are taken that were used since the last look. */
  readonly force: boolean
}

/** Shrinks the cache of a file, given as number + 1, from where the last shrinker has stopped. Takes no mmap_lock. */
export function shrinkFile(k: Kernel, object: number, options: ShrinkOptions): Shrunk {
  const shrunk = { unmapped: 0, written: 0, freed: 0, kept: 0 }
  const batch = new UnmapBatch(k)
  for (let rest = Math.min(options.pages, objectPages(k, object)); rest > 0; rest -= BATCH) {
    const locked = isolate(k, object, Math.min(rest, BATCH), options.force, shrunk)
    for (const frame of locked) if (unmapPage(k, frame, options.batched ? batch : undefined)) shrunk.unmapped++
    // Until here a CPU may have written to a page through an entry that is gone.
    passSlow(UNMAPPED, locked.length, shrunk.unmapped)
    batch.flush()
    for (const frame of locked) dispose(k, object, frame, shrunk)
  }
  return shrunk
}

/** Referenced and locked: pages that nobody has used since the last look, and nobody has locked. */
function isolate(k: Kernel, object: number, pages: number, force: boolean, shrunk: Shrunk): number[] {
  const hand = objectBase(k, object) + OBJECT.hand
  const size = objectPages(k, object)
  const locked: number[] = []
  for (let n = 0; n < pages; n++) {
    const page = (Atomics.add(k.w, hand, 1) >>> 0) % size
    const frame = findPage(k, object, page)
    if (frame === 0) continue
    // Waiting for a page with others locked could go on for ever: two shrinkers, and each has what the other wants.
    if (trylockPage(k, frame)) {
      if (belongsTo(k, frame, object) && !isBusy(k, frame, force)) {
        locked.push(frame)
        continue
      }
      unlockPage(k, frame)
    }
    k.frames.put(frame)
    shrunk.kept++
  }
  return locked
}

/** On its way to the disk, or used of late: through an entry, or through one that was dropped since. */
function isBusy(k: Kernel, frame: number, force: boolean): boolean {
  const flags = k.frames.at(frame) + FRAME.flags
  if (Atomics.load(k.w, flags) & PG_WRITEBACK) return true
  const referenced = pageReferenced(k, frame) + (Atomics.and(k.w, flags, ~PG_REFERENCED) & PG_REFERENCED)
  return referenced > 0 && !force
}

/** Takes the page out of all page tables; those who come meanwhile wait for the page lock. False: some still map it. */
function unmapPage(k: Kernel, frame: number, batch: UnmapBatch | undefined): boolean {
  rmapWalk(k, frame, (mm, _vma, vpn, at) => unmapEntry(k, mm, vpn, at, frame, batch))
  return Atomics.load(k.w, k.frames.at(frame) + FRAME.mapcount) === 0
}

function unmapEntry(k: Kernel, mm: Mm, vpn: number, at: number, frame: number, batch: UnmapBatch | undefined): void {
  // Whoever fills a TLB from here on finds the time changed, or the entry gone.
  Atomics.add(k.w, mm.gen, 1)
  const pte = clearPte(k, at)
  passSlow(UNMAP, mm.tag, vpn)
  if (batch) batch.add(mm)
  else shootdown(k, mm, vpn, vpn + 1)
  transferBits(k, frame, pte)
  k.countShmem(mm, -1)
  k.frames.dropMapping(frame)
  k.frames.put(frame)
}

/** Writes or frees a page that was unmapped, flushed and is still locked; the reference goes in any case. */
function dispose(k: Kernel, object: number, frame: number, shrunk: Shrunk): void {
  const at = k.frames.at(frame)
  if (Atomics.load(k.w, at + FRAME.mapcount) === 0) {
    if (Atomics.load(k.w, at + FRAME.flags) & PG_DIRTY) {
      if (writePage(k, frame)) shrunk.written++
      else unlockPage(k, frame)
      k.frames.put(frame)
      return
    }
    if (removeClean(k, object, frame)) {
      shrunk.freed++
      return
    }
  }
  pass(KEPT, frame, Atomics.load(k.w, at + FRAME.mapcount))
  shrunk.kept++
  unlockPage(k, frame)
  k.frames.put(frame)
}

/**
 * Takes a clean page out of the cache and frees it, unless somebody has a reference of it: the count goes from two to
 * none in one step, and nobody gets one of a page that has none. Who has had one may have written to the page, so it is
 * looked at for dirt after that, not before.
 */
function removeClean(k: Kernel, object: number, frame: number): boolean {
  if (!k.frames.freeze(frame, UNUSED)) return false
  const flags = k.frames.at(frame) + FRAME.flags
  passSlow(FROZEN, frame, Atomics.load(k.w, flags))
  if (Atomics.load(k.w, flags) & (PG_DIRTY | PG_WRITEBACK)) {
    k.frames.unfreeze(frame, UNUSED)
    return false
  }
  const page = Atomics.load(k.w, k.frames.at(frame) + FRAME.index)
  checkClean(k, frame)
  clearSlot(k, object, page, frame)
  unlockPage(k, frame)
  k.frames.freeFrozen(frame)
  return true
}
