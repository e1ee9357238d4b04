/** The per-VMA locks before Linux 6.15: what a fault makes of it when somebody comes in between. */
import t from 'tap'
import { FAULT_SEGV } from '../lib/mm/fault/fault-codes.ts'
import { VMA } from '../lib/mm/layout.ts'
import { VmaRwsems } from '../lib/mm/vma/vma-rwsem.ts'
import { storeRange, unchargeVmas } from '../lib/mm/vma/vma-store.ts'
import { Machine, PRIVATE, READ_ONLY, SHARED, violationOf } from './helpers/memory.ts'
import { within } from './helpers/windows.ts'

const GENERATIONS = ['vma-lock-6.4', 'vma-lock-rfc2022'] as const

/** One VMA over [8, 16) of address space 0, its first page present. */
function machine(policy: (typeof GENERATIONS)[number]) {
  const m = new Machine(policy)
  m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
  m.write(0, 8, 1)
  for (const name of Object.keys(m.k.stats) as (keyof typeof m.k.stats)[]) m.k.stats[name] = 0
  return { m, vma: m.vmas()[0], beforeLock: `${policy}/before-lock` }
}

for (const policy of GENERATIONS) {
  t.test(policy, async t => {
    t.test('a fault under the VMA lock leaves mmap_lock alone', async t => {
      const { m } = machine(policy)
      m.intrude(1, task => task.k.policy.writeLock(task.mm))
      t.equal(m.write(0, 9, 1), 0, 'although it is held for write')
      t.match(m.k.stats, { fast: 1 })
      m.intrude(1, task => task.k.policy.writeUnlock(task.mm))
      m.endAndAudit()
    })

    t.test('only private memory that has an anon_vma is supported', async t => {
      const m = new Machine(policy)
      m.on(0, task => {
        task.mmap(0, 8, 16, PRIVATE)
        task.mmap(0, 24, 32, SHARED)
      })
      m.write(0, 24, 1)
      t.match(m.k.stats, { fast: 0, fallbackShared: 1 })
      m.write(0, 8, 1)
      t.match(m.k.stats, { fast: 0, fallbackAnonVma: 1 })
      m.write(0, 9, 1)
      t.match(m.k.stats, { fast: 1 })
      m.endAndAudit()
    })

    t.test('a VMA locked for write admits no fault until mmap_lock is let go of, and then all do', async t => {
      for (const release of ['writeUnlock', 'writeDowngrade'] as const) {
        const { m, vma } = machine(policy)
        m.intrude(1, ({ k, mm }) => {
          k.policy.writeLock(mm)
          k.policy.startWrite(mm, vma)
          k.policy.startWrite(mm, vma)
        })
        const letGo = () => m.intrude(1, ({ k, mm }) => k.policy[release](mm))
        // The fault falls back to mmap_lock, and queues for it.
        t.equal(
          within('rwsem.queue-read', letGo, () => m.write(0, 9, 1)),
          0,
        )
        t.match(m.k.stats, { fast: 0, fallbackLocked: 1 })
        t.equal(m.write(0, 10, 1), 0)
        t.match(m.k.stats, { fast: 1 }, release)
        if (release === 'writeDowngrade') m.intrude(1, ({ k, mm }) => k.policy.readUnlock(mm))
        m.endAndAudit()
      }
    })

    t.test('a writer that comes after the walk is seen', async t => {
      const { m, vma, beforeLock } = machine(policy)
      const locks = new VmaRwsems(m.k)
      const lock = () =>
        m.intrude(1, ({ k, mm }) => {
          k.policy.writeLock(mm)
          k.policy.startWrite(mm, vma)
          t.equal(locks.tryStartRead(mm, vma), false, 'the semaphore is free, and still')
          k.policy.writeUnlock(mm)
          k.policy.writeLock(mm)
          k.policy.startWrite(mm, vma)
          // Without unlocking the VMAs: the fault finds this one locked, and need not wait for mmap_lock.
          mm.lock.downgradeWrite()
        })
      t.equal(
        within(beforeLock, lock, () => m.write(0, 9, 1)),
        0,
      )
      t.match(m.k.stats, { fast: 0, fallbackLocked: 1 })
      m.intrude(1, task => task.mm.lock.upRead())
      m.on(0, task => {
        task.k.policy.writeLock(task.mm)
        task.k.policy.writeUnlock(task.mm)
      })
      m.endAndAudit()
    })

    t.test('a VMA that was unmapped, and not yet freed, when it is locked is not used', async t => {
      const { m, vma, beforeLock } = machine(policy)
      const detach = () =>
        m.intrude(1, ({ k, mm }) => {
          k.policy.writeLock(mm)
          k.policy.startWrite(mm, vma)
          k.policy.detach(mm, vma)
          storeRange(k, mm, 8, 16, 0)
          unchargeVmas(k, mm, 1)
          k.policy.writeUnlock(mm)
        })
      t.equal(
        within(beforeLock, detach, () => m.write(0, 9, 1)),
        -FAULT_SEGV,
      )
      t.not(Atomics.load(m.w, vma + VMA.anon_vma), 0, 'its anon_vma does not give it away')
      t.match(m.k.stats, policy === 'vma-lock-6.4' ? { rewalks: 1, fallbackNoVma: 1 } : { fallbackDetached: 1 })
      t.equal(m.pte(0, 9), 0)
      m.on(0, task => {
        storeRange(task.k, task.mm, 8, 16, vma)
        Atomics.add(m.w, task.mm.mapCount, 1)
        task.k.policy.attach(vma)
        task.munmap(0, 8, 16)
      })
      m.endAndAudit()
    })

    t.test('a VMA whose borders moved, or whose rights went, is not used as it was', async t => {
      const { m, beforeLock } = machine(policy)
      const replace = () => m.intrude(1, task => task.mmap(0, 8, 16, READ_ONLY))
      t.equal(
        within(beforeLock, replace, () => m.write(0, 9, 1)),
        -FAULT_SEGV,
      )
      const other = machine(policy)
      const cut = () => other.m.intrude(1, task => task.munmap(0, 12, 16))
      t.equal(
        within(beforeLock, cut, () => other.m.write(0, 13, 1)),
        -FAULT_SEGV,
      )
      m.endAndAudit()
      other.m.endAndAudit()
    })

    t.test('a VMA is not handed out again before a grace period has passed', async t => {
      const { m, vma, beforeLock } = machine(policy)
      const recycle = () =>
        m.intrude(1, task => {
          task.munmap(0, 8, 16)
          task.mmap(1, 8, 16, PRIVATE)
        })
      t.equal(
        within(beforeLock, recycle, () => m.write(0, 9, 1)),
        -FAULT_SEGV,
      )
      t.not(m.vmas(1)[0], vma)
      t.ok(m.k.vmas.isLive(vma))
      m.on(1, task => task.k.rcu.barrier())
      t.notOk(m.k.vmas.isLive(vma))
      m.endAndAudit()
    })

    t.test('a writer waits for the readers', async t => {
      const { m, vma } = machine(policy)
      const locks = new VmaRwsems(m.k)
      t.ok(locks.tryStartRead(m.mm(0), vma))
      const leave = () => locks.endRead(vma)
      m.on(0, ({ k, mm }) => {
        k.policy.writeLock(mm)
        within('vma-rwsem/wait-readers', leave, () => k.policy.startWrite(mm, vma))
        t.notOk(locks.tryStartRead(mm, vma))
        k.policy.writeUnlock(mm)
      })
      m.endAndAudit()
    })

    t.test('a VMA is write-locked under mmap_lock only', async t => {
      const { m, vma } = machine(policy)
      t.equal(violationOf(() => m.k.policy.startWrite(m.mm(0), vma))?.oracle, 'CNT')
    })
  })
}
