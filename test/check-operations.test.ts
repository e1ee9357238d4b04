/** The oracles of the running machine fire: one cell is damaged, and the next operation names it. */
import t from 'tap'
import { ENTRIES_AT, FRAME, PAGE_LOG, PTE_FRAME_SHIFT, PTE_PRESENT, VMA, VMA_NODE } from '../lib/mm/layout.ts'
import { DATA_AT } from '../lib/mm/memory.ts'
import { unlockPage } from '../lib/mm/page/page-flags.ts'
import { findPmd, freeTable } from '../lib/mm/table/page-table.ts'
import { POISON } from '../lib/shm/arena.ts'
import {
  add,
  COMMON,
  type Damage,
  frameCell,
  HOLE,
  node,
  set,
  shouldName,
  sound,
  topFree,
  UNTOUCHED,
  vmaCell,
  WRITTEN,
} from './helpers/damage.ts'
import { type Machine, PRIVATE, violationOf } from './helpers/memory.ts'

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
      const { frames } = m.k
      frames.get(m.frameOf(0, COMMON))
      frames.put(m.frameOf(0, COMMON))
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
