/** Files: what is written reaches the disk, and comes back; who may look at a page while it is written or dropped. */
import t from 'tap'
import { DISK, DISK_DATA_AT, PG_DIRTY, PTE_DIRTY, PTE_WRITE } from '../lib/mm/layout.ts'
import { type Shrunk, shrinkFile } from '../lib/mm/page/shrink.ts'
import { writeback } from '../lib/mm/page/writeback.ts'
import { POLICIES } from '../lib/mm/policy/policy.ts'
import { objectAt } from '../lib/shm/arena.ts'
import { Machine } from './helpers/memory.ts'

/** One object of shared memory, and one file: number 2. */
const FILE = 2
const PAGES = 16
const SHARED = { write: true, object: FILE, offset: 0 }
const PRIVATE = { ...SHARED, shared: false }

function machine(policy: (typeof POLICIES)[number] = 'vma-lock', homes: readonly number[] = []): Machine {
  return new Machine(policy, { objects: [8], files: [PAGES] }, homes)
}

function shrink(m: Machine, options: { batched?: boolean; force?: boolean } = {}): Shrunk {
  return m.on(0, ({ k }) => shrinkFile(k, FILE, { pages: PAGES, batched: true, force: true, ...options }))
}

const sync = (m: Machine) => m.on(0, ({ k }) => writeback(k, FILE))

/** A CPU's word of a page on the disk. */
function onDisk(m: Machine, page: number, cpu = 0): number {
  return Atomics.load(m.w, objectAt(m.memory.disks[0], page) + DISK_DATA_AT + cpu)
}

const writes = (m: Machine, page: number) => Atomics.load(m.w, objectAt(m.memory.disks[0], page) + DISK.writes)

for (const policy of POLICIES) {
  t.test(policy, async t => {
    t.test('what is written is on the disk after writeback, and comes back after the page was dropped', async t => {
      const m = machine(policy)
      m.on(0, task => task.mmap(0, 8, 16, { ...SHARED, offset: 2 }))
      const free = m.freeFrames()
      t.equal(m.write(0, 9, 5), 0)
      t.equal(onDisk(m, 3), 0)
      t.same(shrink(m), { unmapped: 1, written: 1, freed: 0, kept: 0 }, 'dirty: written first')
      t.equal(onDisk(m, 3), 5)
      t.same(shrink(m), { unmapped: 1, written: 0, freed: 1, kept: 0 })
      t.equal(m.freeFrames(), free)
      t.equal(m.read(0, 9), 5)
      t.same([m.write(1, 9, 6), m.read(0, 9), m.read(1, 9)], [0, 5, 6])
      m.endAndAudit()
    })

    t.test('a page that was written to the disk is made dirty again by the next write', async t => {
      const m = machine(policy)
      m.on(0, task => task.mmap(0, 8, 16, SHARED))
      m.write(0, 9, 5)
      const flags = () => m.frame(m.frameOf(0, 9), 'flags') & PG_DIRTY
      const entry = () => m.pte(0, 9) & (PTE_DIRTY | PTE_WRITE)
      t.same([flags(), entry()], [PG_DIRTY, PTE_DIRTY | PTE_WRITE])
      t.equal(sync(m), 1)
      t.same([flags(), entry()], [0, 0], 'clean, and whoever writes must fault')
      t.equal(sync(m), 0, 'nothing to do')
      t.equal(m.read(0, 9), 5)
      m.write(0, 9, 6)
      t.same([flags(), entry()], [PG_DIRTY, PTE_DIRTY | PTE_WRITE])
      t.equal(sync(m), 1)
      t.same([onDisk(m, 1), writes(m, 1)], [6, 2])
      m.endAndAudit()
    })

    t.test('a private mapping reads the file, and what it writes stays its own', async t => {
      const m = machine(policy, [0, 1])
      m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
      m.on(0, task => task.mmap(1, 8, 16, SHARED))
      m.write(1, 9, 5)
      t.equal(m.read(0, 9, 1), 5)
      t.equal(m.frameOf(0, 9), m.frameOf(1, 9))
      t.equal(m.write(0, 9, 7), 0, 'copied on write')
      t.equal(m.write(0, 10, 8), 0, 'copied at once')
      t.not(m.frameOf(0, 9), m.frameOf(1, 9))
      m.write(1, 9, 6)
      t.same([m.read(0, 9, 1), m.read(0, 9), m.read(1, 9, 0)], [5, 7, 0])
      t.same(shrink(m), { unmapped: 2, written: 1, freed: 1, kept: 0 }, 'both pages of the file; not the copies')
      t.same(shrink(m), { unmapped: 1, written: 0, freed: 1, kept: 0 })
      t.same([m.read(0, 9), m.read(0, 10), m.read(1, 9)], [7, 8, 6])
      m.on(0, task => task.dontneed(0, 8, 16))
      t.same([m.read(0, 9, 1), m.read(0, 9), m.read(0, 10)], [6, 0, 0], 'the file again')
      m.endAndAudit()
    })
  })
}
