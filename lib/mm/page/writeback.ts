/**
 * Writing dirty pages of files to the disk. A page that is written to is dirty twice over: in the entry that it was
 * written through, by the hardware, and in its flags, by the fault that gave the right to write. Before its content is
 * copied both go, with the right to write: whoever writes afterwards faults, and makes the page dirty again. So a page
 * that is clean, in no entry dirty, and written to by nobody, is on the disk as it is.
 *
 * Source: our specification; the order of the steps as in Linux, folio_clear_dirty_for_io() and folio_mkclean().
 */
import { violated } from '../../check/oracle.ts'
import { passSlow, site } from '../../shm/sites.ts'
import type { Kernel } from '../kernel.ts'
import { FRAME, PAGE_LOG, PG_DIRTY, PG_WRITEBACK, PTE_DIRTY, PTE_WRITE, VM_SHARED, VMA } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { rmapWalk } from '../rmap/rmap.ts'
import { clearPte, readPte, setPte } from '../table/pte.ts'
import { shootdown } from '../tlb/shootdown.ts'
import { differsFrom, diskOf, writeDisk } from './disk.ts'
import { belongsTo, findPage, objectPages } from './page-cache.ts'
import { lockPage, unlockPage } from './page-flags.ts'

const CLEANED = site('writeback/cleaned')
const UNDER_WAY = site('writeback/under-way')
const MKCLEAN = site('writeback/mkclean')

/** Writes the dirty pages of a file, given as number + 1, from page `start` to before `end`. Returns how many. */
export function writeback(k: Kernel, object: number, start = 0, end = objectPages(k, object)): number {
  let written = 0
  for (let page = start; page < end; page++) {
    const frame = findPage(k, object, page)
    if (frame === 0) continue
    if (Atomics.load(k.w, k.frames.at(frame) + FRAME.flags) & PG_DIRTY) {
      lockPage(k, frame)
      if (belongsTo(k, frame, object) && writePage(k, frame)) written++
      else unlockPage(k, frame)
    }
    k.frames.put(frame)
    k.cpu.poll()
  }
  return written
}

/** Writes a page of a file, locked and referenced, and unlocks it. False: it is clean, and stays locked. */
export function writePage(k: Kernel, frame: number): boolean {
  const flags = k.frames.at(frame) + FRAME.flags
  // One write of a page at a time: the later one must reach the disk last.
  for (let n = 0; Atomics.load(k.w, flags) & PG_WRITEBACK; n++) k.cpu.relax(n)
  if (!clearDirtyForIo(k, frame)) return false
  passSlow(CLEANED, frame, 0)
  Atomics.or(k.w, flags, PG_WRITEBACK)
  unlockPage(k, frame)
  // Whoever writes to the page from here on has made it dirty again before: its content reaches the disk now or later.
  const mapping = Atomics.load(k.w, k.frames.at(frame) + FRAME.mapping)
  const page = Atomics.load(k.w, k.frames.at(frame) + FRAME.index)
  passSlow(UNDER_WAY, frame, page)
  writeDisk(k, frame, diskOf(k, -mapping, page))
  Atomics.and(k.w, flags, ~PG_WRITEBACK)
  return true
}

/**
 * DATA oracle: a page of a file, locked, that is neither dirty nor on its way to the disk is there as it is, word by word;
 * or what was written to it is lost. Who has pinned the page may have written to it, and will say so.
 */
export function checkClean(k: Kernel, frame: number): void {
  const at = k.frames.at(frame)
  if (Atomics.load(k.w, at + FRAME.flags) & (PG_DIRTY | PG_WRITEBACK) || k.frames.maybePinned(frame)) return
  const object = -Atomics.load(k.w, at + FRAME.mapping)
  const page = Atomics.load(k.w, at + FRAME.index)
  const word = differsFrom(k, frame, diskOf(k, object, page))
  if (word >= 0)
    violated(
      'DATA',
      `page ${page} of file ${object - 1} is clean, and the disk does not have what cpu ${word} wrote to it`,
    )
}

/** Takes all dirt away and says whether there was any. The page is locked: nobody makes it dirty meanwhile. */
function clearDirtyForIo(k: Kernel, frame: number): boolean {
  const flags = k.frames.at(frame) + FRAME.flags
  if (mkclean(k, frame)) Atomics.or(k.w, flags, PG_DIRTY)
  return (Atomics.and(k.w, flags, ~PG_DIRTY) & PG_DIRTY) !== 0
}

/** Makes every entry through which the page may be written to read-only and clean. True if there was one. */
function mkclean(k: Kernel, frame: number): boolean {
  let cleaned = false
  rmapWalk(k, frame, (mm, vma, vpn, at) => {
    if ((Atomics.load(k.w, vma + VMA.vm_flags) & VM_SHARED) === 0) return
    if ((readPte(k, at) & (PTE_WRITE | PTE_DIRTY)) === 0) return
    takeWrite(k, mm, vpn, at)
    cleaned = true
  })
  return cleaned
}

/** The entry is gone while the others forget it: nothing is written through it that its new value would not know of. */
function takeWrite(k: Kernel, mm: Mm, vpn: number, at: number): void {
  const time = (Atomics.add(k.w, mm.gen, 1) + 1) | 0
  const pte = clearPte(k, at)
  passSlow(MKCLEAN, mm.tag, vpn)
  shootdown(k, mm, vpn, vpn + 1)
  Atomics.store(k.w, mm.log(vpn, PAGE_LOG.write_revoked), time)
  setPte(k, at, pte & ~(PTE_WRITE | PTE_DIRTY))
}
