/** Oracles fire: one cell of a sound memory is damaged at a time, and the audit, or the next operation, names it. */
import t, { type Test } from 'tap'
import { audit } from '../lib/check/audit.ts'
import type { OracleViolation } from '../lib/check/oracle.ts'
import {
  ANON_VMA,
  BUDDY,
  FRAME,
  MM,
  MM_TLB,
  PAGE_LOG,
  PCP,
  PG_DIRTY,
  PG_LOCKED,
  PTE_DIRTY,
  PTE_FRAME_SHIFT,
  PTE_PRESENT,
  PTE_WRITE,
  RANGE_WORDS,
  RSS,
  TABLE,
  VM_WRITE,
  VMA,
  VMA_NODE,
} from '../lib/mm/layout.ts'
import { DATA_AT } from '../lib/mm/memory.ts'
import { unlockPage } from '../lib/mm/page-flags.ts'
import { ENTRIES_AT, findPmd, freeTable } from '../lib/mm/page-table.ts'
import { objectAt, POISON } from '../lib/shm/arena.ts'
import { RWSEM } from '../lib/sync/rwsem.ts'
import { Machine, PRIVATE, READ_ONLY, SHARED, violationOf } from './helpers/memory.ts'

/** Pages of address space 0, by what they are. */
const WRITTEN = 8
const ZERO = 10
const UNTOUCHED = 11
const PROTECTED = 24
/** Page 1 of the object, written through here, read through `SEEN` of address space 1. */
const COMMON = 41
const SEEN = 61
const HOLE = 14

function sound(): Machine {
  const m = new Machine('vma-lock', {}, [0, 1])
  m.on(0, task => {
    task.mmap(0, 8, 12, PRIVATE)
    task.mmap(0, 24, 28, PRIVATE)
    task.mmap(0, 40, 44, SHARED)
    task.mmap(1, 60, 64, SHARED)
    task.mmap(1, 8, 12, READ_ONLY)
  })
  for (const vpn of [WRITTEN, WRITTEN + 1, PROTECTED, COMMON]) m.write(0, vpn, vpn)
  m.read(0, ZERO)
  m.read(1, SEEN)
  m.on(0, task => task.mprotect(0, 24, 28, false))
  return m
}

interface Damage {
  readonly what: string
  readonly oracle: string
  /** In the message: the name of the cell, or of what it belongs to. */
  readonly names: RegExp
  readonly damage: (m: Machine) => void
}

const add = (m: Machine, at: number, value: number) => Atomics.add(m.w, at, value)
const set = (m: Machine, at: number, value: number) => Atomics.store(m.w, at, value)
const clear = (m: Machine, at: number, bits: number) => Atomics.and(m.w, at, ~bits)
const frameCell = (m: Machine, vpn: number, field: number) => m.k.frames.at(m.frameOf(0, vpn)) + field
const mmCell = (m: Machine, field: number) => objectAt(m.memory.mms, 0) + field
const tlbCell = (m: Machine, field: number) => objectAt(m.memory.mmTlbs, 0) + field
const vmaCell = (m: Machine, field: number) => m.vmas()[0] + field
const node = (m: Machine) => Atomics.load(m.w, m.mm(0).root)
const pcp = (m: Machine) => objectAt(m.memory.pcps, 0) + PCP.count
const topFree = (m: Machine) => Atomics.load(m.w, pcp(m) + Atomics.load(m.w, pcp(m)))

const DAMAGES: readonly Damage[] = [
  {
    what: 'a reference too many',
    oracle: 'REF',
    names: /frame\[\d+\]\.refcount is 2, and should be 1/,
    damage: m => add(m, frameCell(m, WRITTEN, FRAME.refcount), 1),
  },
  {
    what: 'a reference too few of a shared frame',
    oracle: 'REF',
    names: /frame\[\d+\]\.refcount is 2, and should be 3/,
    damage: m => add(m, frameCell(m, COMMON, FRAME.refcount), -1),
  },
  {
    what: 'a mapping too many',
    oracle: 'REF',
    names: /frame\[\d+\]\.mapcount is 3, and should be 2/,
    damage: m => add(m, frameCell(m, COMMON, FRAME.mapcount), 1),
  },
  {
    what: 'a mapping too few',
    oracle: 'REF',
    names: /frame\[\d+\]\.mapcount is 0, and should be 1/,
    damage: m => add(m, frameCell(m, WRITTEN, FRAME.mapcount), -1),
  },
  {
    what: 'the resident set of private pages',
    oracle: 'REF',
    names: /resident anonymous pages of mm 0 is 4, and should be 3/,
    damage: m => add(m, objectAt(m.memory.rss, 1) + RSS.anon, 1),
  },
  {
    what: 'the resident set of shared pages',
    oracle: 'REF',
    names: /resident shared pages of mm 0 is 0, and should be 1/,
    damage: m => add(m, objectAt(m.memory.rss, 0) + RSS.shmem, -1),
  },
  {
    what: 'an entry where no VMA is',
    oracle: 'PT',
    names: /page 14 of mm 0 has an entry although no VMA holds it/,
    damage: m => set(m, m.entry(0, HOLE), m.pte(0, WRITTEN)),
  },
  {
    what: 'an entry without its present bit',
    oracle: 'PT',
    names: /page 8 of mm 0 has a damaged entry/,
    damage: m => clear(m, m.entry(0, WRITTEN), PTE_PRESENT),
  },
  {
    what: 'an entry lost',
    oracle: 'REF',
    names: /resident anonymous pages of mm 0 is 3, and should be 2/,
    damage: m => set(m, m.entry(0, WRITTEN), 0),
  },
  {
    what: 'two pages on one frame',
    oracle: 'REF',
    names: /frame\[\d+\]\.mapcount is 1, and should be [02]/,
    damage: m => set(m, m.entry(0, WRITTEN + 1), m.pte(0, WRITTEN)),
  },
  {
    what: 'a writable entry of a read-only VMA',
    oracle: 'VMA',
    names: /page 24 of mm 0 may be written although its VMA is read-only/,
    damage: m => add(m, m.entry(0, PROTECTED), PTE_WRITE),
  },
  {
    what: 'a writable zero page',
    oracle: 'DATA',
    names: /page 10 of mm 0 may write to the zero page/,
    damage: m => add(m, m.entry(0, ZERO), PTE_WRITE),
  },
  {
    what: 'a word in the zero page',
    oracle: 'DATA',
    names: /word 1 of the zero page is 7/,
    damage: m => set(m, objectAt(m.memory.frames, 0) + DATA_AT + 1, 7),
  },
  {
    what: 'PG_locked left set',
    oracle: 'CNT',
    names: /frame\[\d+\]\.flags & PG_locked is 1/,
    damage: m => Atomics.or(m.w, frameCell(m, COMMON, FRAME.flags), PG_LOCKED),
  },
  {
    what: 'a dirty bit lost',
    oracle: 'DATA',
    names: /shared frame \d+ was written to, and neither it nor an entry is marked dirty/,
    damage: m => clear(m, m.entry(0, COMMON), PTE_DIRTY),
  },
  {
    what: 'mmap_lock held',
    oracle: 'CNT',
    names: /mmap_lock\[0\]\.count is 256/,
    damage: m => add(m, objectAt(m.memory.mmapLocks, 0) + RWSEM.count, 256),
  },
  {
    what: 'an odd sequence number',
    oracle: 'CNT',
    names: /mm\[0\]\.mm_lock_seq modulo 2 is 1/,
    damage: m => add(m, mmCell(m, MM.mm_lock_seq), 1),
  },
  {
    what: 'the page table lock held',
    oracle: 'CNT',
    names: /mm\[0\]\.page_table_lock is 2/,
    damage: m => set(m, mmCell(m, MM.page_table_lock), 2),
  },
  {
    what: 'the lock of a leaf table held',
    oracle: 'CNT',
    names: /lock of the table for page 8 is 1/,
    damage: m => set(m, Atomics.load(m.w, findPmd(m.k, m.mm(0), WRITTEN)) + TABLE.ptl, 1),
  },
  {
    what: 'a writer that still waits',
    oracle: 'HANG',
    names: /mm\[0\]\.vma_writer_wait is 1/,
    damage: m => set(m, mmCell(m, MM.vma_writer_wait), 1),
  },
  {
    what: 'a reference of the address space',
    oracle: 'REF',
    names: /mm\[0\]\.mm_count is 2/,
    damage: m => add(m, mmCell(m, MM.mm_count), 1),
  },
  {
    what: 'the number of VMAs',
    oracle: 'VMA',
    names: /mm\[0\]\.map_count is 4, and should be 3/,
    damage: m => add(m, mmCell(m, MM.map_count), 1),
  },
  {
    what: 'a flush that is still pending',
    oracle: 'TLB',
    names: /mm_tlb\[0\]\.tlb_flush_pending is 1/,
    damage: m => add(m, tlbCell(m, MM_TLB.tlb_flush_pending), 1),
  },
  {
    what: 'a CPU that never left',
    oracle: 'TLB',
    names: /mm_tlb\[0\]\.cpumask is 2/,
    damage: m => set(m, tlbCell(m, MM_TLB.cpumask), 2),
  },
  {
    what: 'a drop that never ended',
    oracle: 'CNT',
    names: /drops of page 10 ended is 0, and should be 1/,
    damage: m => add(m, m.mm(0).log(ZERO, PAGE_LOG.zap_begun), 1),
  },
  ...(['vm_start', 'vm_end'] as const).map(field => ({
    what: `${field} against the store`,
    oracle: 'VMA',
    names: new RegExp(`${field} of the VMA at \\[8, 12\\) of mm 0`),
    damage: (m: Machine) => add(m, vmaCell(m, VMA[field]), 1),
  })),
  {
    what: 'the range of the store against the VMA',
    oracle: 'VMA',
    names: /vm_end of the VMA at \[8, 13\) of mm 0 is 12, and should be 13/,
    damage: m => add(m, node(m) + VMA_NODE.count + 1 + 1, 1),
  },
  {
    what: 'the owner of a VMA',
    oracle: 'VMA',
    names: /vm_mm of the VMA at \[8, 12\) of mm 0 is 2, and should be 1/,
    damage: m => set(m, vmaCell(m, VMA.vm_mm), 2),
  },
  {
    what: 'flags that were not committed',
    oracle: 'VMA',
    names: /checksum of the VMA at \[8, 12\)/,
    damage: m => clear(m, vmaCell(m, VMA.vm_flags), VM_WRITE),
  },
  {
    what: 'a reader that never left a VMA',
    oracle: 'CNT',
    names: /vm_refcnt of the VMA at \[8, 12\) of mm 0 is 2, and should be 1/,
    damage: m => add(m, vmaCell(m, VMA.vm_refcnt), 1),
  },
  {
    what: 'a detached VMA in the store',
    oracle: 'CNT',
    names: /vm_refcnt of the VMA at \[8, 12\) of mm 0 is 0/,
    damage: m => set(m, vmaCell(m, VMA.vm_refcnt), 0),
  },
  {
    what: 'a VMA missing from the store',
    oracle: 'VMA',
    names: /mm\[0\]\.map_count is 3, and should be 2/,
    damage: m => add(m, node(m) + VMA_NODE.count, -1),
  },
  {
    what: 'one VMA twice in the store',
    oracle: 'VMA',
    names: /vm_start of the VMA at \[24, 28\) of mm 0 is 8/,
    damage: m => set(m, node(m) + VMA_NODE.count + 1 + RANGE_WORDS + 2, m.vmas()[0]),
  },
  {
    what: 'a dead node as the current one',
    oracle: 'GEN',
    names: /dead mark of the current VMA node of mm 0/,
    damage: m => add(m, node(m) + VMA_NODE.serial, 1),
  },
  {
    what: 'a free frame twice in a list',
    oracle: 'REF',
    names: /frame \d+ is in two free lists/,
    damage: m => {
      set(m, pcp(m) + 1, topFree(m))
    },
  },
  {
    what: 'a free frame in two lists',
    oracle: 'REF',
    names: /frame \d+ is in two free lists/,
    damage: m => set(m, m.memory.buddy.base + BUDDY.count + 1, topFree(m)),
  },
  {
    what: 'a used frame in a free list',
    oracle: 'REF',
    names: /refcount of the free frame \d+ is 1/,
    damage: m => set(m, m.memory.buddy.base + BUDDY.count + 1, m.frameOf(0, WRITTEN)),
  },
  {
    what: 'a lost frame',
    oracle: 'REF',
    names: /frame \d+ is lost/,
    damage: m => add(m, pcp(m), -1),
  },
  {
    what: 'the degree of an anon_vma',
    oracle: 'REF',
    names: /degree of anon_vma \d+ is 2, and should be 1/,
    damage: m => add(m, Atomics.load(m.w, vmaCell(m, VMA.anon_vma)) + ANON_VMA.degree, 1),
  },
  {
    what: 'a freed table that is still linked',
    oracle: 'PT',
    names: /the table for page 8 was freed and is still linked/,
    damage: m => m.k.tables.free(Atomics.load(m.w, findPmd(m.k, m.mm(0), WRITTEN))),
  },
  ...(['vmas', 'anonVmas', 'nodes', 'tables'] as const).map(slab => ({
    what: `a leak from the slab of ${slab}`,
    oracle: 'REF',
    names: /live objects of the slab (vma|anon_vma|vma_node|table) is/,
    damage: (m: Machine) => m.k[slab].alloc(),
  })),
]

function shouldName(t: Test, violation: OracleViolation | undefined, { what, oracle, names }: Omit<Damage, 'damage'>) {
  t.equal(violation?.oracle, oracle, what)
  t.match(violation?.message, names)
}

t.test('the audit finds nothing wrong with a sound memory', async t => {
  const m = sound()
  t.equal(m.pte(0, UNTOUCHED), 0)
  t.equal(m.frameOf(1, SEEN), m.frameOf(0, COMMON))
  m.end()
  t.equal(
    violationOf(() => audit(m.memory)),
    undefined,
  )
})

t.test('the audit names a damaged cell', async t => {
  for (const damage of DAMAGES) {
    const m = sound()
    m.end()
    damage.damage(m)
    shouldName(
      t,
      violationOf(() => audit(m.memory)),
      damage,
    )
  }
})

t.test('a frame that is marked dirty needs no dirty entry', async t => {
  const m = sound()
  m.end()
  clear(m, m.entry(0, COMMON), PTE_DIRTY)
  Atomics.or(m.w, frameCell(m, COMMON, FRAME.flags), PG_DIRTY)
  t.equal(
    violationOf(() => audit(m.memory)),
    undefined,
  )
})

/** While the machine runs: what is damaged, and the operation that must notice. */
const RUNNING: readonly (Damage & { readonly next: (m: Machine) => void })[] = [
  {
    what: 'a write to a free frame',
    oracle: 'FREE',
    names: /frame \d+ was written to while it was free: word 1 holds 9/,
    damage: m => set(m, m.k.frames.at(topFree(m)) + DATA_AT + 1, 9),
    next: m => m.write(0, UNTOUCHED, 1),
  },
  {
    what: 'a frame freed while it is mapped',
    oracle: 'FREE',
    names: /frame \d+ was freed while 1 page table entries map it/,
    damage: m => add(m, frameCell(m, WRITTEN, FRAME.mapcount), 1),
    next: m => m.on(0, task => task.munmap(0, 8, 12)),
  },
  {
    what: 'a frame unmapped twice',
    oracle: 'REF',
    names: /frame \d+ was unmapped once more than it was mapped/,
    damage: m => set(m, frameCell(m, WRITTEN, FRAME.mapcount), 0),
    next: m => m.on(0, task => task.dontneed(0, 8, 12)),
  },
  {
    what: 'a reference given up twice',
    oracle: 'REF',
    names: /frame \d+: a reference was given up that nobody held/,
    damage: m => set(m, frameCell(m, WRITTEN, FRAME.refcount), 0),
    next: m => m.on(0, task => task.dontneed(0, 8, 12)),
  },
  {
    what: 'a reference taken of a free frame',
    oracle: 'REF',
    names: /frame \d+ was referenced while it was free/,
    damage: m => set(m, frameCell(m, COMMON, FRAME.refcount), 0),
    next: m => {
      m.on(0, task => task.mmap(0, 48, 52, { ...SHARED, offset: 1 }))
      m.read(0, 48)
    },
  },
  {
    what: 'a write to a freed table',
    oracle: 'PT',
    names: /an entry of a freed table was written to/,
    damage: m => {
      const table = m.k.tables.alloc()
      m.k.tables.free(table)
      set(m, table + ENTRIES_AT, 1)
    },
    next: m => {
      m.on(0, task => task.mmap(0, 200, 208, PRIVATE))
      m.write(0, 200, 1)
    },
  },
  {
    what: 'a table freed with an entry',
    oracle: 'PT',
    names: /a table was freed with a live entry/,
    damage: () => {},
    next: m => freeTable(m.k, Atomics.load(m.w, findPmd(m.k, m.mm(0), WRITTEN))),
  },
  {
    what: 'an entry where nothing is mapped',
    oracle: 'PT',
    names: /page 14 of mm 0 has an entry although no VMA holds it/,
    damage: m => set(m, m.entry(0, HOLE), (5 << PTE_FRAME_SHIFT) | PTE_PRESENT),
    next: m => m.on(0, task => task.mmap(0, 12, 16, PRIVATE)),
  },
  {
    what: 'the hardware in a freed leaf table',
    oracle: 'PT',
    names: /a walk to page 8 met an entry of a freed table, at level 0/,
    damage: m => set(m, m.entry(0, WRITTEN), POISON),
    next: m => m.read(0, WRITTEN),
  },
  {
    what: 'a zap in a freed leaf table',
    oracle: 'PT',
    names: /a walk to page 8 met an entry of a freed table, at level 0/,
    damage: m => set(m, m.entry(0, WRITTEN), POISON),
    next: m => m.on(0, task => task.dontneed(0, 8, 12)),
  },
  {
    what: 'the hardware in a freed upper table',
    oracle: 'PT',
    names: /a walk to page 8 met an entry of a freed table, at level 1/,
    damage: m => set(m, findPmd(m.k, m.mm(0), WRITTEN), POISON),
    next: m => m.read(0, WRITTEN),
  },
  ...(['vm_start', 'vm_end', 'vm_flags', 'committed'] as const).map(field => ({
    what: `a fault with a VMA whose ${field} is not what was committed`,
    oracle: 'VMA',
    names: /a fault on page 11 of mm 0 worked with a VMA whose edit was not committed/,
    damage: (m: Machine) => add(m, vmaCell(m, VMA[field]), -1),
    next: (m: Machine) => m.read(0, UNTOUCHED),
  })),
  {
    what: 'a fault with a VMA of another address space',
    oracle: 'VMA',
    names: /a fault on page 11 of mm 0 worked with a VMA of mm 1/,
    damage: m => set(m, vmaCell(m, VMA.vm_mm), 2),
    next: m => m.read(0, UNTOUCHED),
  },
  {
    what: 'a VMA from the slab that somebody uses',
    oracle: 'CNT',
    names: /vma \d+ came from the slab with vm_refcnt 1/,
    damage: m => {
      const vma = m.k.vmas.alloc()
      m.k.vmas.free(vma)
      set(m, vma + VMA.vm_refcnt, 1)
    },
    next: m => m.on(0, task => task.mmap(0, 200, 208, PRIVATE)),
  },
  {
    what: 'a VMA node freed under a reader',
    oracle: 'GEN',
    names: /VMA node \d+ was freed while a reader walked it/,
    damage: m => set(m, node(m) + VMA_NODE.serial, POISON),
    next: m => m.read(0, UNTOUCHED),
  },
  {
    what: 'two writers',
    oracle: 'CNT',
    names: /a second writer begins/,
    damage: m => add(m, m.mm(0).seq, 1),
    next: m => m.on(0, task => task.mmap(0, 200, 208, PRIVATE)),
  },
  {
    what: 'PG_locked lost',
    oracle: 'CNT',
    names: /frame\[\d+\]\.flags lost PG_locked while its holder still had it/,
    damage: () => {},
    next: m => unlockPage(m.k, m.frameOf(0, COMMON)),
  },
  {
    what: 'a translation used after it was revoked',
    oracle: 'TLB',
    names: /page 8 of mm 0 was accessed through a translation of time \d+, although an operation of time \d+/,
    damage: () => {},
    next: m =>
      m.on(0, task => {
        task.access(WRITTEN, false)
        const now = Atomics.load(m.w, m.mm(0).gen)
        set(m, m.mm(0).log(WRITTEN, PAGE_LOG.revoked), now + 1)
        task.access(WRITTEN, false)
      }),
  },
  {
    what: 'a write through a translation that may not write any more',
    oracle: 'TLB',
    names: /page 8 of mm 0 was accessed through a translation of time/,
    damage: () => {},
    next: m =>
      m.on(0, task => {
        task.access(WRITTEN, true)
        const now = Atomics.load(m.w, m.mm(0).gen)
        set(m, m.mm(0).log(WRITTEN, PAGE_LOG.write_revoked), now + 1)
        t.ok(task.access(WRITTEN, false) > 0, 'it may still be read through')
        task.access(WRITTEN, true)
      }),
  },
  {
    what: 'a frame freed during an access',
    oracle: 'FREE',
    names: /frame \d+ was freed while page 8 was accessed through it/,
    damage: () => {},
    next: m =>
      m.on(0, task => {
        task.access(WRITTEN, false)
        add(m, frameCell(m, WRITTEN, FRAME.gen), 1)
        task.accessed(WRITTEN)
      }),
  },
]

t.test('the next operation names a damaged cell', async t => {
  for (const row of RUNNING) {
    const m = sound()
    row.damage(m)
    shouldName(
      t,
      violationOf(() => row.next(m)),
      row,
    )
  }
})

t.test('the same operations end well without the damage', async t => {
  for (const { what, next, damage } of RUNNING) {
    if (damage.length === 0) continue
    const m = sound()
    t.equal(
      violationOf(() => next(m)),
      undefined,
      what,
    )
    m.endAndAudit()
  }
})
