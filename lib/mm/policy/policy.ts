/**
 * A policy: how faults and those who change the VMAs keep out of each other's way. One file a policy.
 *
 * Who changes VMAs names the pages that it is about to change, and who only needs them as they are names those. Most
 * policies lock the whole address space whatever is named; the range lock takes no more than it must. So of what the
 * VMA store says, only that is reliable which concerns the pages named.
 */
import type { Mm } from '../mm.ts'

/** A locking scheme of the fault path: how faults find their VMA and keep it, and how changes keep faults away. */
export interface Policy {
  readonly name: string
  /** Handles a fault; one of the FAULT_ codes of `fault-codes.ts`, never FAULT_RETRY. */
  fault(mm: Mm, vpn: number, write: boolean): number
  /** Lets go of what a fault holds, for a handler that has to wait, or is through. `flags` are those it was given. */
  endFault(mm: Mm, vma: number, flags: number): void
  /** Keeps the VMAs of [start, end), by default of all pages, as they are, and the tables of their pages in place. */
  readLock(mm: Mm, start?: number, end?: number): void
  /** As `readLock` of all pages, if that can be had at once. */
  readTrylock(mm: Mm): boolean
  readUnlock(mm: Mm): void
  /** Locks [start, end), by default all pages, and what a change there may spread to: neighbours, gaps beside them. */
  writeLock(mm: Mm, start?: number, end?: number): void
  writeUnlock(mm: Mm): void
  /** Turns the write lock into a read lock, dropping what came with the write lock. */
  writeDowngrade(mm: Mm): void
  /** Keeps faults away from a VMA until the write lock is dropped. */
  startWrite(mm: Mm, vma: number): void
  /** Makes a VMA that is locked for write count as one of the store's. */
  attach(vma: number): void
  /** The opposite, waiting for those who still use it. */
  detach(mm: Mm, vma: number): void
  /** Gives the memory of a detached VMA back, at once or when nobody can look at it any more. */
  free(vma: number): void
}

/** The schemes by name; the pages on [policies](policies.md) tell them apart. */
export const POLICIES = ['vma-lock', 'vma-lock-6.4', 'vma-lock-rfc2022', 'mmap-lock', 'spf', 'range-lock'] as const
/** One of `POLICIES`. */
export type PolicyName = (typeof POLICIES)[number]
