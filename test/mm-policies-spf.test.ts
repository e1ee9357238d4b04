/** Speculative faults: what is tried without a lock, and what becomes of it when somebody comes in between. */
import t from 'tap'
import { FAULT_SEGV } from '../lib/mm/fault/fault-codes.ts'
import { PTE_PRESENT, PTE_WRITE, TABLE, ZERO_FRAME } from '../lib/mm/layout.ts'
import { findPmd } from '../lib/mm/table/page-table.ts'
import { spinLock, spinUnlock } from '../lib/sync/spinlock.ts'
import { Machine, PRIVATE, READ_ONLY, SHARED } from './helpers/memory.ts'
import { within, withinEach } from './helpers/windows.ts'

/** One VMA over [8, 16) of address space 0 that has a page table and an anon_vma. */
function machine(): Machine {
  const m = new Machine('spf')
  m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
  m.write(0, 8, 1)
  reset(m)
  return m
}

function reset({ k }: Machine): void {
  for (const name of Object.keys(k.stats) as (keyof typeof k.stats)[]) k.stats[name] = 0
}

const ptlOf = (m: Machine, vpn: number) => Atomics.load(m.w, findPmd(m.k, m.mm(0), vpn)) + TABLE.ptl

t.test('a first write, a first read, and a write to the zero page need no lock', async t => {
  const m = machine()
  const free = m.freeFrames()
  t.equal(m.write(0, 9, 5), 0)
  t.equal(m.read(0, 10), 0)
  t.equal(m.frameOf(0, 10), ZERO_FRAME)
  t.equal(m.write(0, 10, 6), 0)
  t.match(m.k.stats, { faults: 3, fast: 3 })
  t.equal(m.freeFrames(), free - 2)
  t.same([m.read(0, 9), m.read(0, 10)], [5, 6])
  m.endAndAudit()
})

t.test('what a speculative fault does not try is left to mmap_lock, and counted', async t => {
  const m = new Machine('spf')
  const step = (vpn: number, expected: object, act = () => m.write(0, vpn, 1)) => {
    reset(m)
    t.equal(act(), 'fallbackNoVma' in expected || 'abortAccess' in expected ? -FAULT_SEGV : 0)
    t.match(m.k.stats, { fast: 0, ...expected })
  }
  m.on(0, task => {
    task.mmap(0, 8, 16, PRIVATE)
    task.mmap(0, 24, 32, SHARED)
    task.mmap(0, 40, 48, READ_ONLY)
  })
  step(8, { fallbackAnonVma: 1 })
  step(24, { fallbackShared: 1 })
  step(40, { abortAccess: 1 })
  step(41, { abortTable: 1 }, () => m.read(0, 41))
  step(60, { fallbackNoVma: 1 })
  m.on(0, task => {
    task.mprotect(0, 8, 16, false)
    task.mprotect(0, 8, 16, true)
  })
  step(8, { abortCow: 1 })
  m.endAndAudit()
})

t.test('while a writer is at work nobody speculates', async t => {
  const m = machine()
  m.intrude(1, task => task.k.policy.writeLock(task.mm))
  const letGo = () => m.intrude(1, task => task.k.policy.writeUnlock(task.mm))
  t.equal(
    within('rwsem.queue-read', letGo, () => m.write(0, 9, 1)),
    0,
  )
  t.match(m.k.stats, { fast: 0, abortOdd: 1 })
  m.endAndAudit()
})

const CHANGES: readonly [what: string, change: (m: Machine) => void, expected: number][] = [
  ['unmapped', m => m.intrude(1, task => task.munmap(0, 8, 16)), -FAULT_SEGV],
  ['made read-only', m => m.intrude(1, task => task.mprotect(0, 8, 16, false)), -FAULT_SEGV],
  ['cut', m => m.intrude(1, task => task.mprotect(0, 9, 10, false)), -FAULT_SEGV],
  ['changed elsewhere', m => m.intrude(1, task => task.mmap(0, 100, 104, PRIVATE)), 0],
]

for (const [window, counter] of [
  ['spf/copied', 'abortChanged'],
  ['spf/before-ptl', 'abortRecheck'],
] as const) {
  t.test(`at ${window} somebody changes VMAs: whatever it was, the speculation ends`, async t => {
    for (const [what, change, expected] of CHANGES) {
      const m = machine()
      t.equal(
        within(
          window,
          () => change(m),
          () => m.write(0, 9, 1),
        ),
        expected,
        what,
      )
      t.match(m.k.stats, { fast: 0, [counter]: 1 })
      m.endAndAudit()
    }
  })
}

t.test('a frame prepared in vain goes back', async t => {
  const m = machine()
  const free = m.freeFrames()
  const change = () => m.intrude(1, task => task.munmap(0, 9, 16))
  within('spf/before-ptl', change, () => m.write(0, 9, 1))
  t.equal(m.freeFrames(), free)
  m.endAndAudit()
})

t.test('a page table lock that is taken is not waited for', async t => {
  const m = machine()
  const ptl = ptlOf(m, 9)
  const cpu1 = m.on(1, task => task.k.cpu)
  t.equal(
    withinEach(
      [
        ['spf/before-ptl', () => spinLock(cpu1, ptl)],
        ['fault/install', () => spinUnlock(cpu1, ptl)],
      ],
      () => m.write(0, 9, 1),
    ),
    0,
    'mmap_lock helps',
  )
  t.match(m.k.stats, { fast: 0, abortTrylock: 1 })
  m.endAndAudit()
})

t.test('another fault that was faster is no reason to fall back', async t => {
  const m = machine()
  const free = m.freeFrames()
  const first = () => m.intrude(1, () => t.equal(m.write(1, 9, 5), 0))
  t.equal(
    within('spf/before-ptl', first, () => m.write(0, 9, 6)),
    0,
  )
  t.match(m.k.stats, { fast: 1, pteChanged: 1 })
  t.equal(m.freeFrames(), free - 1)
  t.same([m.read(0, 9, 0), m.read(0, 9, 1)], [6, 5], 'both wrote to the same frame')
  m.endAndAudit()
})

t.test('a drop needs no sequence number: it takes the page table lock before or after', async t => {
  const m = machine()
  m.read(0, 9)
  reset(m)
  const drop = () => m.intrude(1, task => task.dontneed(0, 8, 16))
  t.equal(
    within('spf/before-ptl', drop, () => m.write(0, 9, 6)),
    0,
  )
  t.match(m.k.stats, { fast: 2, pteChanged: 1 }, 'the zero page is gone, and the second fault makes a new one')
  t.equal(m.pte(0, 9) & (PTE_PRESENT | PTE_WRITE), PTE_PRESENT | PTE_WRITE)
  m.endAndAudit()
})
