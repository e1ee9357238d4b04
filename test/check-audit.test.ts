/** The audit's oracles fire: one cell of a sound memory is damaged at a time, and the audit names it. */
import t from 'tap'
import { audit } from '../lib/check/audit.ts'
import {
  ANON_VMA,
  BUDDY,
  FRAME,
  MM,
  MM_TLB,
  PAGE_LOG,
  PG_DIRTY,
  PG_LOCKED,
  PTE_DIRTY,
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
import { findPmd } from '../lib/mm/table/page-table.ts'
import { objectAt } from '../lib/shm/arena.ts'
import { RWSEM } from '../lib/sync/rwsem.ts'
import {
  add,
  COMMON,
  clear,
  type Damage,
  frameCell,
  HOLE,
  mmCell,
  node,
  PROTECTED,
  pcp,
  SEEN,
  set,
  shouldName,
  sound,
  tlbCell,
  topFree,
  UNTOUCHED,
  vmaCell,
  WRITTEN,
  ZERO,
} from './helpers/damage.ts'
import { type Machine, violationOf } from './helpers/memory.ts'

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
    what: 'the users of an anon_vma',
    oracle: 'REF',
    names: /num_active_vmas of anon_vma \d+ is 2, and should be 1/,
    damage: m => add(m, Atomics.load(m.w, vmaCell(m, VMA.anon_vma)) + ANON_VMA.num_active_vmas, 1),
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
