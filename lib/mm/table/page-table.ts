/**
 * Page tables of 2 to 5 levels. A leaf table carries its own lock (split locks); upper entries are published under the
 * address space's page_table_lock. A table that was unlinked is freed after a grace period, since a walker may still
 * stand in it.
 */
import { violated } from '../../check/oracle.ts'
import { POISON } from '../../shm/arena.ts'
import { pass, site } from '../../shm/sites.ts'
import { spinLock, spinUnlock } from '../../sync/spinlock.ts'
import type { Kernel } from '../kernel.ts'
import { ENTRIES_AT, TABLE } from '../layout.ts'
import type { Mm } from '../mm.ts'
import type { Gather } from '../tlb/gather.ts'

const TABLE_ALLOCATED = site('page-table/alloc')
const TABLE_CHANGED = site('page-table/pmd-changed')

/** Word of the entry for `vpn` in a table above the leaves, of the given level. */
export function entryOf(k: Kernel, table: number, vpn: number, level: number): number {
  // A shift by 32 would be one by 0: deep and wide tables have more bits than a page number.
  return table + ENTRIES_AT + ((vpn >>> Math.min(level * k.tableBits, 31)) & k.tableMask)
}

/** Word of the entry that holds the leaf table of `vpn`; 0 when a table above it is missing. Lockless. */
export function findPmd(k: Kernel, mm: Mm, vpn: number): number {
  let table = mm.pgd
  for (let level = k.levels - 1; ; level--) {
    const entry = entryOf(k, table, vpn, level)
    if (level === 1) return entry
    table = Atomics.load(k.w, entry)
    if (table === 0) return 0
    if (table === POISON) walkedIntoFreedTable(vpn, level)
  }
}

export function walkedIntoFreedTable(vpn: number, level: number): never {
  violated('PT', `a walk to page ${vpn} met an entry of a freed table, at level ${level}`)
}

/**
 * As `findPmd`, making the tables that are missing, the leaf included; 0 when tables are exhausted. The caller holds
 * the VMA or mmap_lock, so nobody frees tables of this range meanwhile.
 */
export function allocPmd(k: Kernel, mm: Mm, vpn: number): number {
  const pmd = allocPmdEntry(k, mm, vpn)
  return pmd !== 0 && tableBelow(k, mm, pmd, vpn, 1) !== 0 ? pmd : 0
}

/** As `allocPmd` without the leaf table. */
export function allocPmdEntry(k: Kernel, mm: Mm, vpn: number): number {
  let table = mm.pgd
  for (let level = k.levels - 1; ; level--) {
    const entry = entryOf(k, table, vpn, level)
    if (level === 1) return entry
    table = tableBelow(k, mm, entry, vpn, level)
    if (table === 0) return 0
  }
}

function tableBelow(k: Kernel, mm: Mm, entry: number, vpn: number, level: number): number {
  const table = Atomics.load(k.w, entry, 'acquire')
  if (table === POISON) walkedIntoFreedTable(vpn, level)
  return table === 0 ? installTable(k, mm, entry) : table
}

/** Allocated outside the lock, published under it; who comes second frees its own. */
function installTable(k: Kernel, mm: Mm, entry: number): number {
  const fresh = allocTable(k)
  if (fresh === 0) return 0
  spinLock(k.cpu, mm.pageTableLock)
  const present = Atomics.load(k.w, entry)
  // Release: whoever finds the table must find its entries cleared.
  if (present === 0) Atomics.store(k.w, entry, fresh, 'release')
  spinUnlock(k.cpu, mm.pageTableLock)
  if (present === 0) return fresh
  freeTable(k, fresh)
  return present
}

/** An empty table, or 0. */
export function allocTable(k: Kernel): number {
  const table = k.tables.alloc()
  if (table === 0) return 0
  pass(TABLE_ALLOCATED, table, 0)
  for (let entry = table + ENTRIES_AT, end = entry + k.tableWords; entry < end; entry++) {
    if (Atomics.exchange(k.w, entry, 0) !== POISON) violated('PT', `an entry of a freed table was written to`)
  }
  Atomics.store(k.w, table + TABLE.ptl, 0)
  return table
}

/** Gives a table back at once: nobody can reach it, and it must be empty. */
export function freeTable(k: Kernel, table: number): void {
  for (let entry = table + ENTRIES_AT, end = entry + k.tableWords; entry < end; entry++) {
    const value = Atomics.load(k.w, entry)
    if (value !== 0) violated('PT', `a table was freed with a live entry: ${value.toString(16)}`)
  }
  k.tables.free(table)
}

/**
 * Locks the leaf table that `pmd` holds, the kernel's pte_offset_map_lock; 0 when there is none (normal: the caller
 * faults again). Between reading the entry and getting the lock the table may be unlinked: the RCU section keeps its
 * memory, reading the entry again tells. The section lasts until `pteUnmapUnlock`.
 */
export function pteOffsetMapLock(k: Kernel, pmd: number): number {
  k.rcu.readLock()
  for (;;) {
    const table = Atomics.load(k.w, pmd)
    if (table === 0) {
      k.rcu.readUnlock()
      return 0
    }
    if (table === POISON) walkedIntoFreedTable(-1, 1)
    spinLock(k.cpu, table + TABLE.ptl)
    if (Atomics.load(k.w, pmd) === table) return table
    spinUnlock(k.cpu, table + TABLE.ptl)
    pass(TABLE_CHANGED, table, pmd)
  }
}

export function pteUnmapUnlock(k: Kernel, table: number): void {
  spinUnlock(k.cpu, table + TABLE.ptl)
  k.rcu.readUnlock()
}

/**
 * Unlinks the tables of [start, end) that no other VMA needs: those whose whole span lies in [floor, ceiling), the gap
 * between the neighbours. The gather frees them after the flush and a grace period.
 */
export function freePgtables(
  k: Kernel,
  mm: Mm,
  gather: Gather,
  start: number,
  end: number,
  floor: number,
  ceiling: number,
): void {
  const top = k.levels - 1
  const span = 2 ** (top * k.tableBits)
  for (let base = start - (start % span); base < end; base += span)
    unlink(k, gather, entryOf(k, mm.pgd, base, top), top - 1, base, start, end, floor, ceiling)
}

function unlink(
  k: Kernel,
  gather: Gather,
  entry: number,
  level: number,
  base: number,
  start: number,
  end: number,
  floor: number,
  ceiling: number,
): void {
  const table = Atomics.load(k.w, entry)
  if (table === 0) return
  const childSpan = 2 ** (level * k.tableBits)
  const span = childSpan * 2 ** k.tableBits
  if (level > 0) {
    const from = Math.max(base, start - (start % childSpan))
    for (let child = from; child < Math.min(base + span, end); child += childSpan)
      unlink(k, gather, entryOf(k, table, child, level), level - 1, child, start, end, floor, ceiling)
  }
  if (base < floor || base + span > ceiling) return
  Atomics.store(k.w, entry, 0)
  gather.addTable(table)
}
