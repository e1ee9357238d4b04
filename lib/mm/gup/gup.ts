/**
 * Taking pages out of an address space, to use them without its page tables: get_user_pages. First without a lock, where
 * it is the own address space; else under the lock of its VMAs, looking for the page and faulting it in until it is
 * found with the rights that are asked for. Between the fault and the next look the page may be gone again.
 */
import { violated } from '../../check/oracle.ts'
import { bug, passSlow, site } from '../../shm/sites.ts'
import { handleMmFault } from '../fault/fault.ts'
import {
  ALLOW_RETRY,
  FAULT_OK,
  FAULT_OOM,
  FAULT_RETRY,
  FAULT_SEGV,
  FORCED,
  TRIED,
  UNSHARE,
} from '../fault/fault-codes.ts'
import type { Kernel } from '../kernel.ts'
import { PTE_FRAME_SHIFT, PTE_PRESENT, PTE_WRITE, VM_WRITE } from '../layout.ts'
import { DATA_AT } from '../memory.ts'
import type { Mm } from '../mm.ts'
import { findPmd, pteOffsetMapLock, pteUnmapUnlock, walkedIntoFreedTable } from '../table/page-table.ts'
import { ptep, readPte } from '../table/pte.ts'
import { OUT_OF_RANGE, verifyVma } from '../vma/vma.ts'
import { findVmaIn } from '../vma/vma-store.ts'
import { FOLL_FORCE, FOLL_GET, FOLL_WRITE, mayFollow, mayForceWrite, mustUnshare, release, tryGrab } from './foll.ts'
import { gupFast, NOT_FAST } from './gup-fast.ts'

const FORGET_WRITE = bug('dirty-cow')
const FAULTED = site('gup/faulted')
const FORCED_COPY = site('gup/forced-copy')
const REMOTE_WRITE = site('gup/remote-write')

/** Not there, or not with the rights asked for: a fault is needed. */
const ABSENT = -10
/** There, and shared with others who would keep it when we write. */
const SHARED = -11

/** What a thread's requests came to; plain numbers, since only the thread itself adds to them. */
export class GupStats {
  fast = 0
  slow = 0
  /** Faults taken to get at pages, and those of them that made a copy of a page that is only to be read. */
  faults = 0
  unshared = 0
  /** Requests that found the reference count about to overflow, or no memory. */
  refused = 0
  denied = 0
}

/** A thread's way of getting at pages. */
export class Gup {
  readonly #k: Kernel
  readonly stats = new GupStats()

  constructor(k: Kernel) {
    this.#k = k
  }

  /** A page of the address space that the thread is in, without a lock if possible: its frame, or minus a FAULT_ code. */
  getFast(mm: Mm, vpn: number, foll: number): number {
    const frame = gupFast(this.#k, mm, vpn, foll)
    if (frame === NOT_FAST) return this.get(mm, vpn, foll)
    this.stats.fast++
    return frame
  }

  /** A page of any address space that the caller uses: its frame, or minus a FAULT_ code. No lock may be held. */
  get(mm: Mm, vpn: number, foll: number): number {
    const result = this.#lockAndGet(mm, vpn, foll)
    this.#k.policy.readUnlock(mm)
    return result
  }

  /** Gives a page back; whoever has written to it says so with `dirty`. */
  release(frame: number, foll: number, dirty: boolean): void {
    release(this.#k, frame, foll, dirty)
  }

  /**
   * Writes to a word of a page of any address space, also where its mapping is read-only and private: what a debugger
   * does. The lock is kept until the write is done: a fork in between would share the page, which is referenced and not
   * pinned, and the write could miss the copy that is made of it. Returns the FAULT_ code.
   */
  writeRemote(mm: Mm, vpn: number, word: number, value: number): number {
    const k = this.#k
    const foll = FOLL_GET | FOLL_WRITE | FOLL_FORCE
    const frame = this.#lockAndGet(mm, vpn, foll)
    if (frame >= 0) {
      passSlow(REMOTE_WRITE, vpn, frame)
      Atomics.store(k.w, k.frames.at(frame) + DATA_AT + word, value)
      release(k, frame, foll, true)
    }
    k.policy.readUnlock(mm)
    return frame < 0 ? -frame : FAULT_OK
  }

  /** As `get`, and the lock stays, whatever it returns. */
  #lockAndGet(mm: Mm, vpn: number, foll: number): number {
    const { policy } = this.#k
    for (let flags = ALLOW_RETRY; ; flags = TRIED) {
      // All of it: a fault may have to look at the neighbours of its VMA.
      policy.readLock(mm)
      const result = this.#getLocked(mm, vpn, foll, flags)
      // The fault has dropped the lock and waited.
      if (result === -FAULT_RETRY) continue
      if (result >= 0) this.stats.slow++
      else if (result === -FAULT_SEGV) this.stats.denied++
      else this.stats.refused++
      return result
    }
  }

  #getLocked(mm: Mm, vpn: number, given: number, flags: number): number {
    const k = this.#k
    const vma = findVmaIn(k, mm, vpn, vpn + 1)
    const vmaFlags = vma === 0 ? 0 : verifyVma(k, mm, vma, vpn)
    if (vmaFlags === OUT_OF_RANGE)
      violated('VMA', `page ${vpn} of mm ${mm.tag - 1} was looked up under the lock, and found in a VMA elsewhere`)
    let foll = given
    if (!mayFollow(vmaFlags, foll)) return -FAULT_SEGV
    for (;;) {
      const frame = followPage(k, mm, vmaFlags, vpn, foll)
      if (frame !== ABSENT && frame !== SHARED) return frame
      const result = this.#faultIn(mm, vma, vmaFlags, vpn, foll, frame === SHARED ? flags | UNSHARE : flags)
      if (result !== FAULT_OK) return -result
      // The copy is made, so whoever only reads it reads the copy: true as long as nobody drops it meanwhile.
      if (FORGET_WRITE && (vmaFlags & VM_WRITE) === 0) foll &= ~FOLL_WRITE
    }
  }

  #faultIn(mm: Mm, vma: number, vmaFlags: number, vpn: number, foll: number, flags: number): number {
    const k = this.#k
    const write = (foll & FOLL_WRITE) !== 0
    const forced = write && (vmaFlags & VM_WRITE) === 0
    k.cpu.poll()
    this.stats.faults++
    if (flags & UNSHARE) this.stats.unshared++
    const result = handleMmFault(k, mm, vma, vpn, write, forced ? flags | FORCED : flags)
    if (forced) passSlow(FORCED_COPY, vpn, result)
    else passSlow(FAULTED, vpn, result)
    return result
  }
}

/** The page's frame, referenced, if the entry maps one that may be used as asked; else ABSENT, SHARED or -FAULT_OOM. */
function followPage(k: Kernel, mm: Mm, vmaFlags: number, vpn: number, foll: number): number {
  const pmd = findPmd(k, mm, vpn)
  const table = pmd === 0 ? 0 : pteOffsetMapLock(k, pmd)
  if (table === 0) return ABSENT
  const frame = followPte(k, readPte(k, ptep(k, table, vpn)), vmaFlags, vpn, foll)
  pteUnmapUnlock(k, table)
  return frame
}

function followPte(k: Kernel, pte: number, vmaFlags: number, vpn: number, foll: number): number {
  if ((pte & PTE_PRESENT) === 0) {
    if (pte !== 0) walkedIntoFreedTable(vpn, 0)
    return ABSENT
  }
  const frame = pte >>> PTE_FRAME_SHIFT
  if ((pte & PTE_WRITE) === 0) {
    if (foll & FOLL_WRITE && !mayForceWrite(k, frame, vmaFlags, foll)) return ABSENT
    if (mustUnshare(k, frame, vmaFlags, foll)) return SHARED
  }
  return tryGrab(k, frame, foll) ? frame : -FAULT_OOM
}
