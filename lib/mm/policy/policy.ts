/** A policy: how faults and those who change the VMAs keep out of each other's way. One file a policy. */
import type { Kernel, Mm } from '../kernel.ts'
import { MmapLockPolicy } from './mmap-lock.ts'
import { VmaLockPolicy } from './vma-lock.ts'

export interface Policy {
  readonly name: string
  /** Handles a fault; one of the FAULT_ codes of `fault.ts`, never FAULT_RETRY. */
  fault(mm: Mm, vpn: number, write: boolean): number
  /** Takes mmap_lock for write. */
  writeLock(mm: Mm): void
  writeUnlock(mm: Mm): void
  /** Turns the write lock into a read lock, dropping what came with the write lock. */
  writeDowngrade(mm: Mm): void
  /** Keeps faults away from a VMA until the write lock is dropped. */
  startWrite(mm: Mm, vma: number): void
  /** Makes a VMA that is locked for write count as one of the store's. */
  attach(vma: number): void
  /** The opposite, waiting for those who still use it. */
  detach(mm: Mm, vma: number): void
}

export const POLICIES = ['vma-lock', 'mmap-lock'] as const
export type PolicyName = (typeof POLICIES)[number]

export function createPolicy(name: PolicyName, k: Kernel): Policy {
  switch (name) {
    case 'mmap-lock':
      return new MmapLockPolicy(k)
    case 'vma-lock':
      return new VmaLockPolicy(k)
  }
}
