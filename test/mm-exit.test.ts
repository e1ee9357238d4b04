/** The end of an address space, and the OOM reaper beside it and beside faults. */
import t from 'tap'
import { mmAlloc, mmdrop, mmgetNotZero, mmgrab, mmgrabNotZero } from '../lib/mm/call/mm-life.ts'
import { oomReap, REAP_BUSY, REAP_SKIPPED, REAPED } from '../lib/mm/call/oom-reaper.ts'
import { FAULT_SIGBUS } from '../lib/mm/fault/fault-codes.ts'
import { MMF_OOM_SKIP, MMF_UNSTABLE, ZERO_FRAME } from '../lib/mm/layout.ts'
import { POLICIES, type PolicyName } from '../lib/mm/policy/policy.ts'
import { Machine, PRIVATE, READ_ONLY, SHARED, violationOf } from './helpers/memory.ts'
import { load } from './helpers/threads.ts'
import { within } from './helpers/windows.ts'

/** One address space exists: private pages [8, 24), shared ones [32, 40); CPU 0 has written to 8, 9 and 32. */
function machine(policy: PolicyName = 'vma-lock'): Machine {
  const m = new Machine(policy, { mms: 3, firstMms: 1 })
  m.on(0, task => {
    task.mmap(0, 8, 24, PRIVATE)
    task.mmap(0, 32, 40, SHARED)
  })
  for (const vpn of [8, 9, 32]) m.write(0, vpn, vpn)
  return m
}

const flags = (m: Machine, id: number) => Atomics.load(m.w, m.mm(id).flags)
const reap = (m: Machine, id: number) => m.on(1, ({ k }) => oomReap(k, k.mms[id]))
const users = (m: Machine, id: number) => Atomics.load(m.w, m.mm(id).users)
const count = (m: Machine, id: number) => Atomics.load(m.w, m.mm(id).count)

/** A child, which CPU 0 enters. */
function enterChild(m: Machine): number {
  return m.on(0, task => {
    const child = task.fork()
    task.switchMm(child)
    return child
  })
}

t.test('users and references: who is last takes the mappings, and who is last gives the struct back', async t => {
  const m = machine()
  const free = m.freeFrames()
  const child = enterChild(m)
  t.same([users(m, child), count(m, child)], [2, 1])
  m.write(0, 9, 99)
  m.write(0, 10, 10)
  t.equal(m.freeFrames(), free - 2)
  m.on(1, ({ k }) => mmgrab(k, k.mms[child]))
  m.on(0, task => task.exit(child))
  t.same([users(m, child), count(m, child), m.vmas(child).length], [1, 2, 2], 'CPU 0 is in it still')
  m.on(0, task => task.switchMm(0))
  t.same([users(m, child), count(m, child), m.vmas(child).length], [0, 1, 0])
  t.equal(m.freeFrames(), free)
  m.on(1, ({ k }) => {
    t.notOk(mmgetNotZero(k, k.mms[child]), 'nobody can use it any more')
    mmdrop(k, k.mms[child])
    t.notOk(mmgrabNotZero(k, k.mms[child]))
  })
  t.equal(count(m, child), 0)
  t.same([m.read(0, 8), m.read(0, 9), m.read(0, 32)], [8, 9, 32])
  m.endAndAudit()
})

t.test('references that nobody holds are not given up unnoticed', async t => {
  const m = machine()
  const { k } = m
  t.equal(violationOf(() => mmgrab(k, m.mm(1)))?.oracle, 'GEN')
  t.equal(violationOf(() => mmdrop(k, m.mm(2)))?.oracle, 'REF')
  t.match(violationOf(() => m.on(0, task => task.exit(1)))?.message, /lost a user/)
})

for (const policy of POLICIES) {
  t.test(`${policy}: what the reaper takes is gone, and does not come back as zeros`, async t => {
    const m = machine(policy)
    const free = m.freeFrames()
    const child = enterChild(m)
    m.write(0, 10, 10)
    t.equal(m.read(0, 11), 0)
    t.equal(m.frameOf(child, 11), ZERO_FRAME)
    t.equal(reap(m, child), REAPED)
    t.equal(flags(m, child), MMF_OOM_SKIP | MMF_UNSTABLE)
    t.equal(m.freeFrames(), free)
    for (const vpn of [8, 10, 11, 12])
      t.same([m.read(0, vpn), m.write(0, vpn, 1)], [-FAULT_SIGBUS, -FAULT_SIGBUS], `page ${vpn}`)
    t.same(
      [8, 10, 11, 12].map(vpn => m.pte(child, vpn)),
      [0, 0, 0, 0],
    )
    t.equal(m.read(0, 32), 32, 'what is shared stays')
    t.equal(
      m.on(1, task => task.k.mms[child].tag),
      child + 1,
    )
    t.equal(reap(m, child), REAP_SKIPPED, 'once is enough')
    m.on(0, task => {
      task.switchMm(0)
      task.exit(child)
    })
    t.equal(m.read(0, 8), 8, 'the parent has not noticed')
    m.endAndAudit()
  })

  t.test(`${policy}: a fault that has its page already finds out under the page table lock`, async t => {
    for (const write of [true, false]) {
      const m = machine(policy)
      const child = enterChild(m)
      // A first page, so that the fault needs nothing but the entry.
      m.write(0, 10, 10)
      const free = m.freeFrames()
      // Where a fault is between looking for the VMA and locking the table.
      const where = write && policy !== 'spf' ? 'fault/install' : SITES[policy]
      if (where === undefined) continue
      let reaped = -1
      const result = within(
        where,
        () => {
          reaped = m.intrude(1, ({ k }) => oomReap(k, k.mms[child]))
        },
        () => (write ? m.write(0, 12, 1) : m.read(0, 12)),
      )
      t.same([reaped, result], [REAPED, -FAULT_SIGBUS], write ? 'write' : 'read')
      t.equal(m.pte(child, 12), 0)
      t.equal(m.freeFrames(), free + 1)
      m.on(0, task => {
        task.switchMm(0)
        task.exit(child)
      })
      m.endAndAudit()
    }
  })
}

/** Sites that a fault of a policy passes before it locks the page table. */
const SITES: Readonly<Partial<Record<PolicyName, string>>> = {
  'vma-lock': 'vma-lock/before-count',
  'vma-lock-6.4': 'vma-lock-6.4/before-lock',
  'vma-lock-rfc2022': 'vma-lock-rfc2022/before-lock',
  spf: 'spf/copied',
}

t.test('read-only memory is reaped as well, private copies of an object are not', async t => {
  const m = new Machine('vma-lock', { mms: 2, firstMms: 1 })
  m.on(0, task => {
    task.mmap(0, 8, 16, READ_ONLY)
    task.mmap(0, 24, 32, { write: true, object: 1, offset: 0, shared: false })
  })
  const child = enterChild(m)
  t.equal(m.read(0, 8), 0)
  t.equal(m.write(0, 24, 5), 0)
  t.equal(reap(m, child), REAPED)
  t.same([m.read(0, 8), m.read(0, 24)], [-FAULT_SIGBUS, 5])
  m.on(0, task => {
    task.switchMm(0)
    task.exit(child)
  })
  m.endAndAudit()
})

t.test('the reaper only tries the lock', async t => {
  const m = machine()
  const child = enterChild(m)
  m.on(0, ({ k, mm }) => {
    const tried = () => m.intrude(1, other => oomReap(other.k, other.k.mms[child]))
    k.policy.writeLock(mm)
    t.equal(tried(), REAP_BUSY)
    t.equal(flags(m, child), 0)
    k.policy.writeDowngrade(mm)
    t.equal(tried(), REAPED, 'and is content to share it')
    k.policy.readUnlock(mm)
  })
  m.on(0, task => {
    task.switchMm(0)
    task.exit(child)
  })
  m.endAndAudit()
})

t.test('of what was reaped there is no copy', async t => {
  const m = machine()
  const child = enterChild(m)
  reap(m, child)
  m.on(0, task => {
    const free = m.freeFrames()
    t.equal(task.fork(), -1)
    t.equal(m.freeFrames(), free)
    t.equal(count(m, 2), 0, 'and the struct went back')
    task.switchMm(0)
    task.exit(child)
    const again = task.fork()
    t.equal(flags(m, again), 0, 'a new life')
    task.exit(again)
  })
  m.endAndAudit()
})

t.test('reaper and end of the address space zap side by side', async t => {
  const m = machine()
  const child = enterChild(m)
  for (const vpn of [10, 11, 20]) m.write(0, vpn, vpn)
  m.on(0, task => {
    task.switchMm(0)
    const reaped = () =>
      t.equal(
        m.intrude(1, ({ k }) => oomReap(k, k.mms[child])),
        REAPED,
      )
    within('mm/exit', reaped, () => task.exit(child))
  })
  t.equal(m.read(0, 8), 8)
  m.endAndAudit()
})

t.test('a reaper that comes when page tables are freed is turned away, and keeps the struct', async t => {
  const m = machine()
  const child = enterChild(m)
  m.write(0, 10, 10)
  m.on(1, ({ k }) => t.ok(mmgrabNotZero(k, k.mms[child])))
  m.on(0, task => {
    task.switchMm(0)
    const skipped = () =>
      t.equal(
        m.intrude(1, ({ k }) => oomReap(k, k.mms[child])),
        REAP_SKIPPED,
      )
    within('mm/exit-free-tables', skipped, () => task.exit(child))
    t.same([users(m, child), count(m, child)], [0, 1])
    t.not(task.fork(), child)
  })
  m.on(1, ({ k }) => mmdrop(k, k.mms[child]))
  m.on(0, task => task.exit(2))
  m.endAndAudit()
})

t.test('an address space taken into use is empty, and stable', async t => {
  const m = machine()
  m.on(0, ({ k }) => {
    const id = mmAlloc(k)
    t.same([id, users(m, id), count(m, id), flags(m, id)], [1, 1, 1, 0])
    t.same(m.vmas(id), [])
  })
  m.on(0, task => task.exit(1))
  m.endAndAudit()
})

t.test('on threads everything happens, and no oracle speaks', async t => {
  const driver = await load(new URL('../scenarios/mm/exit-reap.ts', import.meta.url))
  t.teardown(() => driver.remove())
  const seen = ['forks', 'exits', 'reaped', 'lazy.flushed']
  for (const policy of POLICIES) {
    const options = { ms: 500, seen, hangMs: 30_000, params: { policy }, delayEvery: 100 }
    const { failures, counters } = await driver.run(options)
    t.same(failures, [], policy)
    for (const name of seen) t.ok(counters[name] > 0, `${policy}: ${name}`)
  }
})

t.test('who gives back a VMA that became one of another address space keeps that one, and must', async t => {
  const driver = await load(new URL('./fixtures/vma-put.ts', import.meta.url))
  t.teardown(() => driver.remove())
  const { failures, counters } = await driver.run()
  t.same(failures, [])
  t.same(counters, { recycled: 1, ended: 1 })
  const mutant = await driver.run({ bugs: ['vma-put-mm-freed'] })
  t.match(mutant.failures, [{ oracle: 'GEN', message: /mm 1 was freed before the last reader/ }])
})
