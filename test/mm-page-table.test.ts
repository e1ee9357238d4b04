/** Page tables of every depth and width; which of them go, and which stay because a neighbour needs them. */
import t from 'tap'
import { DONE } from '../lib/mm/call/mmap.ts'
import { FAULT_SEGV } from '../lib/mm/fault/fault-codes.ts'
import { PTE_FRAME_SHIFT } from '../lib/mm/layout.ts'
import { createMemory } from '../lib/mm/memory.ts'
import { Machine, PRIVATE } from './helpers/memory.ts'

const DEPTHS = [2, 3, 4, 5]
/** As the scenarios allow. */
const BITS = [3, 4, 5, 6, 7, 8, 9]
const PAGES = 4096

for (const levels of DEPTHS) {
  for (const tableBits of BITS) {
    const pages = Math.min(PAGES, 2 ** (levels * tableBits))
    t.test(`${levels} levels of ${tableBits} bits`, async t => {
      const m = new Machine('vma-lock', { levels, tableBits, pages, mms: 1, cpus: 1, objects: [] })
      const empty = m.k.tables.live()
      t.equal(empty, 1, 'the top table')
      // Both sides of each border of a table of any level.
      const borders = Array.from({ length: levels }, (_, level) => 2 ** (level * tableBits))
      const touched = [0, pages - 1, ...borders.flatMap(at => [at - 1, at])].filter(at => at < pages)
      m.on(0, task => t.equal(task.mmap(0, 0, pages, PRIVATE), DONE))
      for (const vpn of touched) t.equal(m.write(0, vpn, vpn + 1), 0)
      for (const vpn of touched) t.equal(m.read(0, vpn), vpn + 1)
      const leaves = new Set(touched.map(vpn => vpn >>> tableBits))
      t.ok(m.k.tables.live() >= empty + leaves.size)
      m.on(0, task => t.equal(task.munmap(0, 0, pages), DONE))
      m.on(0, task => task.k.rcu.barrier())
      t.equal(m.k.tables.live(), empty, 'all others are freed')
      t.equal(m.read(0, 0), -FAULT_SEGV)
      m.endAndAudit()
    })
  }
}

/** Three levels of 8 entries: a leaf table spans 8 pages, one above it 64. */
function live(m: Machine): number {
  m.on(0, task => task.k.rcu.barrier())
  return m.k.tables.live()
}

t.test('a table goes when its last neighbour goes', async t => {
  const m = new Machine('vma-lock', { mms: 1 })
  const top = live(m)
  // Gaps keep them from merging.
  const areas = [
    [0, 3],
    [4, 7],
    [9, 12],
    [60, 68],
  ]
  for (const [start, end] of areas) {
    m.on(0, task => task.mmap(0, start, end, PRIVATE))
    for (let vpn = start; vpn < end; vpn++) m.write(0, vpn, vpn)
  }
  // Leaves of 0..7, 8..15, 56..63, 64..71; above them 0..63 and 64..127.
  t.equal(live(m), top + 6)
  const drop = (start: number, end: number) => m.on(0, task => task.munmap(0, start, end))
  drop(0, 3)
  t.equal(live(m), top + 6, 'the leaf is needed for 4..6')
  t.equal(m.read(0, 5), 5)
  drop(4, 7)
  t.equal(live(m), top + 5, 'now it goes')
  t.equal(m.read(0, 9), 9)
  drop(60, 64)
  t.equal(live(m), top + 4)
  drop(64, 68)
  t.equal(live(m), top + 2, 'with the one above it, which had no other')
  t.equal(m.read(0, 9), 9)
  drop(0, 512)
  t.equal(live(m), top)
  m.endAndAudit()
})

t.test('a table stays for a neighbour that has no page in it yet', async t => {
  const m = new Machine('vma-lock', { mms: 1 })
  const top = live(m)
  m.on(0, task => {
    task.mmap(0, 0, 3, PRIVATE)
    task.mmap(0, 5, 8, PRIVATE)
  })
  m.write(0, 1, 1)
  m.on(0, task => task.munmap(0, 0, 3))
  t.equal(live(m), top + 2, 'a fault in 5..7 may be under way')
  t.equal(m.write(0, 5, 1), 0)
  t.equal(live(m), top + 2)
  m.endAndAudit()
})

t.test('dropping pages and replacing mappings keeps or frees tables', async t => {
  const m = new Machine('vma-lock', { mms: 1 })
  const top = live(m)
  m.on(0, task => task.mmap(0, 0, 64, PRIVATE))
  for (let vpn = 0; vpn < 64; vpn += 8) m.write(0, vpn, 1)
  t.equal(live(m), top + 9)
  m.on(0, task => task.dontneed(0, 0, 64))
  t.equal(live(m), top + 9, 'dontneed drops no tables')
  m.on(0, task => task.mmap(0, 0, 64, PRIVATE))
  t.equal(live(m), top, 'a new mapping begins without')
  m.endAndAudit()
})

t.test('an unlinked table is freed after a grace period, not before', async t => {
  const m = new Machine('vma-lock', { mms: 1 })
  const top = live(m)
  m.on(0, task => task.mmap(0, 0, 8, PRIVATE))
  m.write(0, 0, 1)
  const before = live(m)
  // CPU 1 stands in an RCU read section: a walker may be in the tables.
  m.on(1, task => task.k.rcu.readLock())
  m.on(0, task => task.munmap(0, 0, 8))
  t.equal(m.k.tables.live(), before)
  t.equal(m.pte(0, 0) >>> PTE_FRAME_SHIFT, 0, 'although nothing is mapped any more')
  m.on(1, task => task.k.rcu.readUnlock())
  t.equal(live(m), top)
  m.endAndAudit()
})

t.test('sizes that cannot work are refused', async t => {
  t.throws(() => createMemory({ levels: 1 }), /levels: 1, 2 to 5/)
  t.throws(() => createMemory({ levels: 6 }), /levels: 6, 2 to 5/)
  t.throws(() => createMemory({ levels: 2, tableBits: 3, pages: 65 }), /65 pages do not fit/)
  t.throws(() => createMemory({ cpus: 32 }), /cpumask holds 31/)
  t.throws(() => createMemory({ frames: 2 ** 22 + 1 }), /22 bits/)
})
