/** Files, in the middle of things: while a page is written, while it is frozen, and while a batch is not flushed yet. */
import t from 'tap'
import { DONE } from '../lib/mm/call/mmap.ts'
import { DISK_DATA_AT, FRAME, PG_DIRTY, PG_LOCKED, PG_WRITEBACK } from '../lib/mm/layout.ts'
import { type Shrunk, shrinkFile } from '../lib/mm/page/shrink.ts'
import { writeback } from '../lib/mm/page/writeback.ts'
import type { Task } from '../lib/mm/task.ts'
import { objectAt } from '../lib/shm/arena.ts'
import { Machine } from './helpers/memory.ts'
import { within } from './helpers/windows.ts'

/** Number + 1 of the file, which lies at [8, 16). */
const FILE = 1
const PAGE = 9
const SHARED = { write: true, object: FILE, offset: 0 }

function machine(): Machine {
  const m = new Machine('vma-lock', { objects: [], files: [8] })
  m.on(0, task => task.mmap(0, 8, 16, SHARED))
  return m
}

const shrink = (task: Task, batched = false): Shrunk => shrinkFile(task.k, FILE, { pages: 8, batched, force: true })
const sync = (m: Machine) => m.on(0, ({ k }) => writeback(k, FILE))
const onDisk = (m: Machine, cpu: number) =>
  Atomics.load(m.w, objectAt(m.memory.disks[0], PAGE - 8) + DISK_DATA_AT + cpu)

t.test('what is written while the page is on its way to the disk makes it dirty again', async t => {
  const m = machine()
  m.write(0, PAGE, 5)
  const frame = m.frameOf(0, PAGE)
  within(
    'writeback/under-way',
    () => {
      t.equal(m.frame(frame, 'flags') & (PG_DIRTY | PG_WRITEBACK | PG_LOCKED), PG_WRITEBACK)
      t.equal(
        m.intrude(1, task => {
          const at = task.access(PAGE, true)
          Atomics.store(m.w, at + 1, 6)
          task.accessed(PAGE)
          return at > 0
        }),
        true,
      )
    },
    () => t.equal(sync(m), 1),
  )
  t.equal(m.frame(frame, 'flags') & (PG_DIRTY | PG_WRITEBACK), PG_DIRTY)
  t.same([sync(m), onDisk(m, 0), onDisk(m, 1)], [1, 5, 6])
  t.equal(sync(m), 0)
  m.endAndAudit()
})

t.test('a page that is on its way to the disk is not dropped, although it is clean', async t => {
  const m = machine()
  m.write(0, PAGE, 5)
  within(
    'writeback/under-way',
    () => t.match(m.intrude(1, shrink), { unmapped: 0, freed: 0, kept: 1 }),
    () => sync(m),
  )
  t.match(m.on(0, shrink), { unmapped: 1, freed: 1, kept: 0 })
  t.equal(m.read(0, PAGE), 5)
  m.endAndAudit()
})

t.test('until the page is marked as being written it is locked, and a shrinker passes it by', async t => {
  const m = machine()
  m.write(0, PAGE, 5)
  const frame = m.frameOf(0, PAGE)
  within(
    'writeback/cleaned',
    () => {
      t.equal(m.frame(frame, 'flags') & (PG_DIRTY | PG_WRITEBACK | PG_LOCKED), PG_LOCKED)
      t.match(m.intrude(1, shrink), { unmapped: 0, freed: 0, kept: 1 })
    },
    () => sync(m),
  )
  t.equal(onDisk(m, 0), 5)
  m.endAndAudit()
})

t.test('who takes a reference before the page is frozen keeps it; afterwards nobody gets one', async t => {
  const m = machine()
  m.read(0, PAGE)
  const frame = m.frameOf(0, PAGE)
  const take = () => m.intrude(1, ({ k }) => k.frames.tryGet(frame))
  within(
    'shrink/unmapped',
    () => t.equal(take(), true),
    () => t.match(m.on(0, shrink), { unmapped: 1, freed: 0, kept: 1 }),
  )
  m.on(1, ({ k }) => k.frames.put(frame))
  const gen = m.frame(frame, 'gen')
  within(
    'shrink/frozen',
    () => t.equal(take(), false),
    () => t.match(m.on(0, shrink), { freed: 1, kept: 0 }),
  )
  t.equal(m.frame(frame, 'gen'), gen + 1)
  m.endAndAudit()
})

t.test('dirt that comes between unmapping and freezing is found', async t => {
  const m = machine()
  m.read(0, PAGE)
  const frame = m.frameOf(0, PAGE)
  within(
    'shrink/frozen',
    () => Atomics.or(m.w, m.k.frames.at(frame) + FRAME.flags, PG_DIRTY),
    () => t.match(m.on(0, shrink), { unmapped: 1, freed: 0, kept: 1 }),
  )
  t.equal(sync(m), 1)
  m.endAndAudit()
})

for (const [what, act] of [
  ['mprotect', task => task.mprotect(0, 8, 16, false)],
  ['munmap', task => task.munmap(0, 8, 16)],
  ['madvise', task => task.dontneed(0, 8, 16)],
  ['mremap', task => (task.mremap(0, 8, 16, { pages: 8, to: 33 }) === 33 ? DONE : -1)],
] as const satisfies readonly (readonly [string, (task: Task) => number])[]) {
  t.test(`${what} makes up for the flush that a shrinker has put off`, async t => {
    const m = machine()
    m.read(0, PAGE)
    const mm = m.mm(0)
    const owed = () => Atomics.load(m.w, mm.flushBatched) - Atomics.load(m.w, mm.flushBatchDone)
    within(
      'shrink/unmapped',
      () => {
        t.equal(owed(), 1, 'the entry is gone, and its flush is to come')
        within(
          'unmap-batch/pending',
          () => {},
          () => t.equal(m.intrude(1, act), DONE),
        )
        t.equal(owed(), 0)
      },
      () => m.on(0, task => shrink(task, true)),
    )
    m.endAndAudit()
  })
}
