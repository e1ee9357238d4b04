/** Stacks: how far they grow, and that whatever was found before the write lock was taken is looked for again. */
import t from 'tap'
import { FAULT_SEGV } from '../lib/mm/fault/fault-codes.ts'
import { Machine, PRIVATE } from './helpers/memory.ts'
import { within } from './helpers/windows.ts'

const STACK = { ...PRIVATE, growsDown: true }
const WAYS = [
  ['vma-lock', 'expand-write'],
  ['spf', 'expand-write'],
  ['mmap-lock', 'expand-write'],
  ['range-lock', 'expand-write'],
  ['mmap-lock', 'expand-read'],
] as const

/** A stack over [60, 64) that may have 32 pages. */
function machine(policy: (typeof WAYS)[number][0], stack: (typeof WAYS)[number][1]): Machine {
  const m = new Machine(policy, { stack, stackLimit: 32 })
  m.on(0, task => task.mmap(0, 60, 64, STACK))
  return m
}

for (const [policy, stack] of WAYS) {
  t.test(`${policy}, ${stack}`, async t => {
    t.test('a page below is touched, and the stack reaches to it', async t => {
      const m = machine(policy, stack)
      t.equal(m.write(0, 61, 1), 0)
      t.equal(m.write(0, 50, 2), 0)
      t.same(m.borders(), [[50, 64]])
      t.same([m.read(1, 61, 0), m.read(1, 50, 0), m.read(1, 55, 0)], [1, 2, 0])
      m.endAndAudit()
    })

    t.test('not beyond its limit, and not up to what lies below', async t => {
      const m = machine(policy, stack)
      t.equal(m.write(0, 31, 1), -FAULT_SEGV, 'page 33 of it')
      m.on(0, task => task.mmap(0, 40, 44, PRIVATE))
      t.equal(m.write(0, 44, 1), -FAULT_SEGV, 'the guard gap')
      t.equal(m.write(0, 45, 1), 0)
      t.same(m.borders(), [
        [40, 44],
        [45, 64],
      ])
      m.endAndAudit()
    })

    t.test('an ordinary mapping does not grow', async t => {
      const m = machine(policy, stack)
      m.on(0, task => task.mmap(0, 20, 24, PRIVATE))
      t.equal(m.write(0, 19, 1), -FAULT_SEGV)
      m.endAndAudit()
    })

    t.test('what was cut off grows again, and is empty', async t => {
      const m = machine(policy, stack)
      m.write(0, 50, 5)
      m.on(1, task => task.munmap(0, 40, 58))
      t.same(m.borders(), [[58, 64]])
      t.equal(m.read(0, 50), 0)
      t.same(m.borders(), [[50, 64]])
      m.endAndAudit()
    })
  })
}

t.test('without a way from the read lock to the write lock, everything is looked for again', async t => {
  for (const [what, meanwhile, result] of [
    ['gone', (m: Machine) => m.intrude(1, task => task.munmap(0, 56, 64)), -FAULT_SEGV],
    ['grown already', (m: Machine) => m.intrude(1, task => task.access(50, true)), 0],
    ['room taken', (m: Machine) => m.intrude(1, task => task.mmap(0, 48, 52, PRIVATE)), 0],
    ['no room any more', (m: Machine) => m.intrude(1, task => task.mmap(0, 51, 54, PRIVATE)), -FAULT_SEGV],
  ] as const) {
    const m = machine('mmap-lock', 'expand-write')
    const { lock } = m.mm(0)
    const upRead = lock.upRead.bind(lock)
    // Where the fault has let go of the read lock, and does not have the other yet.
    lock.upRead = () => {
      upRead()
      lock.upRead = upRead
      meanwhile(m)
    }
    t.equal(m.write(0, 50, 1), result, what)
    m.endAndAudit()
  }
})

t.test('munmap beside a stack that grows under the read lock keeps the write lock', async t => {
  for (const [stack, admitted] of [
    ['expand-write', true],
    ['expand-read', false],
  ] as const) {
    const m = machine('mmap-lock', stack)
    m.write(0, 50, 1)
    const { lock } = m.on(1, task => task.k.mms[0])
    within(
      'munmap/detached',
      () => {
        const read = lock.downReadTrylock()
        t.equal(read, admitted, stack)
        if (read) lock.upRead()
      },
      () => m.on(0, task => task.munmap(0, 40, 58)),
    )
    m.endAndAudit()
  }
})

t.test('a walk beside stacks that grow under the read lock stands in an RCU section', async t => {
  const m = machine('mmap-lock', 'expand-read')
  within(
    'vma-store/walk',
    () => t.ok(m.k.rcu.isReading()),
    () => m.write(0, 61, 1),
  )
  m.endAndAudit()
})
