/** The range lock as a policy: what is locked for what, and what goes on at the same time. */
import t from 'tap'
import { DONE } from '../lib/mm/call/mmap.ts'
import { FAULT_SEGV } from '../lib/mm/fault/fault-codes.ts'
import { VMA } from '../lib/mm/layout.ts'
import { reachOf } from '../lib/mm/vma/vma-store.ts'
import { heldRanges } from '../lib/sync/range-lock.ts'
import { Machine, PRIVATE, violationOf } from './helpers/memory.ts'
import { within, withinEach } from './helpers/windows.ts'

function machine(...mapped: readonly [start: number, end: number][]): Machine {
  const m = new Machine('range-lock')
  m.on(0, task => {
    for (const [n, [start, end]] of mapped.entries()) {
      // Every second one read-only: neighbours that touch stay apart.
      task.mmap(0, start, end, { ...PRIVATE, write: n % 2 === 0 })
    }
  })
  return m
}

const held = (m: Machine) => heldRanges(m.w, m.memory.rangeLocks, 0)

t.test('a change reaches over the VMAs it touches and the gaps beside it', async t => {
  const m = machine([8, 16], [16, 24], [32, 40], [64, 72])
  const cases: [what: string, start: number, end: number, from: number, to: number][] = [
    ['inside of a VMA', 34, 36, 32, 40],
    ['a whole VMA between gaps', 32, 40, 24, 64],
    ['a whole VMA that touches another one', 16, 24, 8, 32],
    ['the beginning of one', 16, 20, 8, 24],
    ['over the border of two', 14, 18, 8, 24],
    ['in a gap', 48, 50, 40, 64],
    ['a gap up to a VMA', 48, 64, 40, 72],
    ['a gap from a VMA on', 40, 48, 32, 64],
    ['before all', 0, 2, 0, 8],
    ['behind all', 100, 104, 72, m.memory.options.pages],
    ['everything', 0, 512, 0, m.memory.options.pages],
  ]
  const reach: [number, number] = [0, 0]
  for (const [what, start, end, from, to] of cases) {
    reachOf(m.k, m.mm(0), start, end, reach)
    t.same(reach, [from, to], what)
  }
  m.endAndAudit()
})

t.test('changes that do not meet, and faults elsewhere, go on at the same time', async t => {
  const m = machine([8, 16], [100, 108], [200, 208], [300, 308])
  m.intrude(1, task => task.k.policy.writeLock(task.mm, 8, 16))
  m.on(0, task => {
    t.equal(task.mprotect(0, 200, 204, false), DONE)
    t.equal(task.munmap(0, 300, 308), DONE)
    t.equal(task.dontneed(0, 200, 208), DONE)
  })
  t.equal(m.write(0, 206, 1), 0)
  t.match(m.k.stats, { rangeWaits: 0 })
  const letGo = () => m.intrude(1, task => task.k.policy.writeUnlock(task.mm))
  t.equal(
    within('range-lock/conflict', letGo, () => m.read(0, 9)),
    0,
  )
  t.match(m.k.stats, { rangeWaits: 1 })
  m.endAndAudit()
})

t.test('a fault holds one page: what is done elsewhere in the meantime need not wait', async t => {
  const m = machine([8, 16], [100, 108], [200, 208])
  const unmap = () => {
    t.equal(held(m), 1)
    m.intrude(1, task => t.equal(task.munmap(0, 200, 208), DONE))
  }
  t.equal(
    within('range-lock/vma-found', unmap, () => m.read(0, 9)),
    0,
  )
  t.match(m.k.stats, { fast: 1 })
  t.equal(held(m), 0)
  m.endAndAudit()
})

t.test('without a range everything is locked', async t => {
  const m = machine([8, 16], [100, 108])
  m.intrude(1, task => task.k.policy.writeLock(task.mm))
  const letGo = () => m.intrude(1, task => task.k.policy.writeUnlock(task.mm))
  t.equal(
    within('range-lock/conflict', letGo, () => m.read(0, 101)),
    0,
  )
  m.endAndAudit()
})

t.test('a range that is not enough any more once it is locked is locked anew', async t => {
  const m = machine([8, 16], [40, 48])
  const extend = () => m.intrude(1, task => t.equal(task.mmap(0, 16, 32, PRIVATE), DONE))
  m.on(0, task =>
    withinEach(
      [
        ['range-lock/reach', extend],
        ['range-lock/outgrown', () => t.equal(held(m), 1)],
        ['range-lock/reach', () => {}],
      ],
      () => t.equal(task.mmap(0, 20, 24, { ...PRIVATE, write: false }), DONE),
    ),
  )
  t.same(m.borders(), [
    [8, 20],
    [20, 24],
    [24, 32],
    [40, 48],
  ])
  t.equal(held(m), 0)
  m.endAndAudit()
})

t.test('a first page needs the neighbours: the VMA is locked and a page on both sides', async t => {
  const m = machine([8, 16], [16, 24])
  m.on(0, task => task.mprotect(0, 16, 24, true))
  m.on(0, task => task.mprotect(0, 12, 16, false))
  t.same(m.borders(), [
    [8, 12],
    [12, 16],
    [16, 24],
  ])
  m.write(0, 9, 1)
  t.match(m.k.stats, { fast: 0, rangeWidened: 1 })
  m.write(0, 10, 1)
  t.match(m.k.stats, { fast: 1, rangeWidened: 1 }, 'once')
  m.endAndAudit()
})

t.test('a VMA that grows before it is locked as a whole is looked at again', async t => {
  const m = machine([8, 16])
  const grow = () => m.intrude(1, task => t.equal(task.mmap(0, 16, 24, PRIVATE), DONE))
  t.equal(
    withinEach(
      [
        ['range-lock/widen', grow],
        ['range-lock/widen', () => {}],
      ],
      () => m.write(0, 9, 1),
    ),
    0,
  )
  t.match(m.k.stats, { rangeWidened: 2 })
  t.same(m.borders(), [[8, 24]])
  t.not(Atomics.load(m.w, m.vmas()[0] + VMA.anon_vma), 0)
  m.endAndAudit()
})

t.test('a VMA that is gone before it is locked as a whole is not used', async t => {
  const m = machine([8, 16])
  const unmap = () => m.intrude(1, task => t.equal(task.munmap(0, 8, 16), DONE))
  t.equal(
    within('range-lock/widen', unmap, () => m.write(0, 9, 1)),
    -FAULT_SEGV,
  )
  m.endAndAudit()
})

t.test('while munmap drops pages readers may come in, and find nothing', async t => {
  const m = machine([8, 16], [40, 48])
  m.write(0, 9, 1)
  const look = () => m.intrude(1, () => t.equal(m.read(1, 9), -FAULT_SEGV))
  m.on(0, task => within('gather/flush', look, () => t.equal(task.munmap(0, 8, 16), DONE)))
  m.endAndAudit()
})

t.test('a thread locks one range of an address space at a time', async t => {
  const m = machine([8, 16])
  m.on(0, ({ k, mm }) => {
    k.policy.readLock(mm, 8, 9)
    t.equal(violationOf(() => k.policy.readLock(mm, 20, 21))?.oracle, 'CNT')
    k.policy.readLock(m.mm(1), 8, 9)
    k.policy.readUnlock(m.mm(1))
    k.policy.readUnlock(mm)
    t.equal(violationOf(() => k.policy.readUnlock(mm))?.oracle, 'CNT')
  })
  m.endAndAudit()
})
