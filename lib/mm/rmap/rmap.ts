/**
 * Reverse mapping: from a page to the entries that map it. A page of an object asks the list of the object's VMAs; a page
 * of private memory asks its anon_vma, which may be gone by the time it is asked, and is looked at again once its lock
 * is held. Each VMA says where the page would lie, and the entry there, under its table's lock, whether it does.
 *
 * Source: our specification; the order of looking and locking as in Linux, folio_lock_anon_vma_read().
 */
import { violated } from '../../check/oracle.ts'
import { pass, passSlow, site } from '../../shm/sites.ts'
import { spinLock, spinTrylock, spinUnlock } from '../../sync/spinlock.ts'
import type { Kernel } from '../kernel.ts'
import { ANON_VMA, AVC, FRAME, OBJECT, PTE_ACCESSED, PTE_FRAME_SHIFT, PTE_PRESENT, VMA } from '../layout.ts'
import type { Mm } from '../mm.ts'
import { findPmd, pteOffsetMapLock, pteUnmapUnlock } from '../table/page-table.ts'
import { changePte, ptep, readPte } from '../table/pte.ts'
import { putAnonVma, tryGetAnonVma } from './anon-vma.ts'
import { lockMappings, objectBase, unlockMappings } from './i-mmap.ts'

const MAPPING_READ = site('rmap/mapping-read')
const CONTENDED = site('rmap/lock-contended')
const UNMAPPED = site('rmap/unmapped')
const FOUND = site('rmap/found')

const get = (k: Kernel, at: number) => Atomics.load(k.w, at)

/** Called for an entry that maps the page; its table is locked, so that only the hardware changes the entry. */
export type Visit = (mm: Mm, vma: number, vpn: number, at: number) => void

/**
 * Visits all entries that map a page, which the caller has a reference of; a page of an object is locked as well. Entries
 * that fork makes meanwhile may be missed: the map count tells.
 */
export function rmapWalk(k: Kernel, frame: number, visit: Visit): void {
  const mapping = get(k, k.frames.at(frame) + FRAME.mapping)
  if (mapping > 0) walkAnon(k, frame, visit)
  else if (mapping < 0) walkObject(k, frame, -mapping, visit)
}

function walkObject(k: Kernel, frame: number, object: number, visit: Visit): void {
  const page = get(k, k.frames.at(frame) + FRAME.index)
  lockMappings(k, object)
  for (let vma = get(k, objectBase(k, object) + OBJECT.i_mmap); vma !== 0; vma = get(k, vma + VMA.i_mmap_next))
    visitVma(k, frame, vma, page, visit)
  unlockMappings(k, object)
}

/** False: the page is not mapped, or no page of private memory. */
function walkAnon(k: Kernel, frame: number, visit: Visit): boolean {
  const lock = lockAnonVmaOf(k, frame)
  if (lock === 0) return false
  const at = k.frames.at(frame)
  const anonVma = get(k, at + FRAME.mapping)
  if (!k.anonVmas.isLive(anonVma))
    violated('GEN', `frame ${frame} is mapped, and names anon_vma ${anonVma}, which was freed`)
  const index = get(k, at + FRAME.index)
  for (let avc = get(k, anonVma + ANON_VMA.chain); avc !== 0; avc = get(k, avc + AVC.next)) {
    const vma = get(k, avc + AVC.vma)
    if (!k.vmas.isLive(vma)) violated('GEN', `anon_vma ${anonVma} is linked to VMA ${vma}, which was freed`)
    visitVma(k, frame, vma, index, visit)
  }
  spinUnlock(k.cpu, lock)
  return true
}

/**
 * Locks the family of a page's anon_vma, which nothing keeps from being freed meanwhile: the page may be unmapped at any
 * moment. Memory of the slab stays memory of anon_vmas, so a lock may be taken that is somebody else's by then; if the
 * page is still mapped once it is held, and names the same anon_vma, it was the right one. Returns the word of the lock,
 * or 0: the page is not mapped.
 */
function lockAnonVmaOf(k: Kernel, frame: number): number {
  for (;;) {
    k.rcu.readLock()
    const anonVma = namedBy(k, frame)
    if (anonVma === 0) {
      k.rcu.readUnlock()
      return 0
    }
    pass(MAPPING_READ, frame, anonVma)
    const lock = get(k, anonVma + ANON_VMA.root) + ANON_VMA.lock
    if (spinTrylock(k.cpu, lock)) {
      k.rcu.readUnlock()
      if (namedBy(k, frame) === anonVma) return lock
      spinUnlock(k.cpu, lock)
      pass(UNMAPPED, frame, anonVma)
      continue
    }
    passSlow(CONTENDED, frame, anonVma)
    // Waiting may take long: it needs a reference, not an RCU section.
    const pinned = tryGetAnonVma(k, anonVma)
    k.rcu.readUnlock()
    if (!pinned) continue
    const taken = lockPinned(k, frame, anonVma)
    if (taken !== 0) return taken
  }
}

/** As `lockAnonVmaOf` with a reference, which it gives up; 0: the page does not name the anon_vma any more. */
function lockPinned(k: Kernel, frame: number, anonVma: number): number {
  if (namedBy(k, frame) !== anonVma) {
    putAnonVma(k, anonVma)
    return 0
  }
  const lock = get(k, anonVma + ANON_VMA.root) + ANON_VMA.lock
  spinLock(k.cpu, lock)
  const still = namedBy(k, frame) === anonVma
  // Still mapped: its VMAs keep it. If not, ours may be the last reference, and the lock would go with it.
  if (!still) spinUnlock(k.cpu, lock)
  putAnonVma(k, anonVma)
  return still ? lock : 0
}

/** The anon_vma that a mapped page of private memory names; 0: it is neither, or not any more. */
function namedBy(k: Kernel, frame: number): number {
  const at = k.frames.at(frame)
  // The map count first: it is set last, so whoever finds it finds the name that belongs to it.
  if (get(k, at + FRAME.mapcount) === 0) return 0
  const mapping = get(k, at + FRAME.mapping)
  return Math.max(mapping, 0)
}

/** Visits the entry where the VMA would map the page, if it does. */
function visitVma(k: Kernel, frame: number, vma: number, page: number, visit: Visit): void {
  const start = get(k, vma + VMA.vm_start)
  const vpn = start + page - get(k, vma + VMA.vm_pgoff)
  if (vpn < start || vpn >= get(k, vma + VMA.vm_end)) return
  const mm = k.mms[get(k, vma + VMA.vm_mm) - 1]
  const pmd = findPmd(k, mm, vpn)
  // Always under the lock, never a look at the entry first: who has cleared it may still hold the lock, to flush.
  const table = pmd === 0 ? 0 : pteOffsetMapLock(k, pmd)
  if (table === 0) return
  const at = ptep(k, table, vpn)
  const pte = readPte(k, at)
  if (pte & PTE_PRESENT && pte >>> PTE_FRAME_SHIFT === frame) {
    pass(FOUND, frame, vpn)
    visit(mm, vma, vpn, at)
  }
  pteUnmapUnlock(k, table)
}

/**
 * Through how many entries the page was used since it was last asked: takes their accessed bits away. Nobody is told, so
 * a translation that a TLB has already goes unnoticed until it is walked again; as in the kernel. For the caller what
 * `rmapWalk` says.
 */
export function pageReferenced(k: Kernel, frame: number): number {
  let referenced = 0
  rmapWalk(k, frame, (_mm, _vma, _vpn, at) => {
    if (clearAccessed(k, at)) referenced++
  })
  return referenced
}

/**
 * The same of whatever a frame holds at this moment, as the kernel's idle page tracking asks by frame number; -1 if it is
 * no page of private memory that is mapped.
 */
export function sampleReferences(k: Kernel, frame: number): number {
  if (!k.frames.tryGet(frame)) return -1
  let referenced = 0
  const mapped = walkAnon(k, frame, (_mm, _vma, _vpn, at) => {
    if (clearAccessed(k, at)) referenced++
  })
  k.frames.put(frame)
  return mapped ? referenced : -1
}

function clearAccessed(k: Kernel, at: number): boolean {
  for (;;) {
    const pte = readPte(k, at)
    if ((pte & PTE_ACCESSED) === 0) return false
    // The hardware may set dirty at this moment: then the swap fails, and nothing is lost.
    if (changePte(k, at, pte, pte & ~PTE_ACCESSED)) return true
  }
}
