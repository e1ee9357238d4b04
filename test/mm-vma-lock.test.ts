/** The per-VMA lock, piece by piece; and what a fault makes of it when somebody comes in between. */
import t from 'tap'
import { handleMmFault } from '../lib/mm/fault/fault.ts'
import { ALLOW_RETRY, FAULT_RETRY, FAULT_SEGV, UNDER_VMA_LOCK } from '../lib/mm/fault/fault-codes.ts'
import { FRAME, PG_LOCKED, VMA } from '../lib/mm/layout.ts'
import {
  DETACHED,
  LOCKED,
  OTHER,
  READ_LOCKED,
  TOO_MANY,
  VMA_LOCK_OFFSET,
  vmaEndRead,
  vmaMarkAttached,
  vmaMarkDetached,
  vmaStartRead,
  vmaStartWrite,
} from '../lib/mm/vma/vma-lock.ts'
import { Machine, PRIVATE, READ_ONLY, SHARED, violationOf } from './helpers/memory.ts'
import { load } from './helpers/threads.ts'
import { within } from './helpers/windows.ts'

/** One VMA over [8, 16) of address space 0. */
function machine(): { m: Machine; vma: number; count: () => number } {
  const m = new Machine('vma-lock')
  m.on(0, task => task.mmap(0, 8, 16, PRIVATE))
  const [vma] = m.vmas()
  return { m, vma, count: () => Atomics.load(m.w, vma + VMA.vm_refcnt) }
}

t.test('readers count, and leave', async t => {
  const { m, vma, count } = machine()
  t.equal(count(), 1, 'attached')
  t.equal(vmaStartRead(m.k, m.mm(0), vma), READ_LOCKED)
  t.equal(vmaStartRead(m.k, m.mm(0), vma), READ_LOCKED)
  t.equal(count(), 3)
  vmaEndRead(m.k, vma)
  vmaEndRead(m.k, vma)
  t.equal(count(), 1)
  m.endAndAudit()
})

t.test('a write-locked VMA admits no reader until mmap_lock is let go of, and then all do', async t => {
  for (const release of ['writeUnlock', 'writeDowngrade'] as const) {
    const { m, vma, count } = machine()
    m.on(0, task => task.mmap(0, 24, 32, PRIVATE))
    const [, other] = m.vmas()
    const { policy } = m.k
    const mm = m.mm(0)
    m.on(0, () => {
      policy.writeLock(mm)
      t.equal(vmaStartRead(m.k, mm, vma), READ_LOCKED, 'mmap_lock alone does not lock it')
      vmaEndRead(m.k, vma)
      for (const each of [vma, other]) policy.startWrite(mm, each)
      policy.startWrite(mm, vma)
      t.equal(count(), 1, 'locking it again changes nothing')
      t.same([vmaStartRead(m.k, mm, vma), vmaStartRead(m.k, mm, other)], [LOCKED, LOCKED])
      policy[release](mm)
      t.same([vmaStartRead(m.k, mm, vma), vmaStartRead(m.k, mm, other)], [READ_LOCKED, READ_LOCKED], release)
      for (const each of [vma, other]) vmaEndRead(m.k, each)
      if (release === 'writeDowngrade') mm.lock.upRead()
    })
    m.endAndAudit()
  }
})

t.test('a detached VMA cannot be read-locked', async t => {
  const { m, vma, count } = machine()
  m.on(0, task => task.munmap(0, 8, 16))
  t.equal(count(), 0)
  t.equal(vmaStartRead(m.k, m.mm(0), vma), DETACHED)
  t.equal(count(), 0, 'and the try leaves no trace')
  m.endAndAudit()
})

t.test('a VMA of another address space is let go of', async t => {
  const { m, vma, count } = machine()
  t.equal(vmaStartRead(m.k, m.mm(1), vma), OTHER)
  t.equal(count(), 1)
  t.equal(Atomics.load(m.w, m.mm(0).count), 1)
  m.endAndAudit()
})

t.test('the count has a limit, and a waiting writer is above it', async t => {
  const { m, vma, count } = machine()
  for (const full of [VMA_LOCK_OFFSET - 1, VMA_LOCK_OFFSET + 1, VMA_LOCK_OFFSET + 2]) {
    Atomics.store(m.w, vma + VMA.vm_refcnt, full)
    t.equal(vmaStartRead(m.k, m.mm(0), vma), TOO_MANY)
    t.equal(count(), full)
  }
  Atomics.store(m.w, vma + VMA.vm_refcnt, VMA_LOCK_OFFSET - 2)
  t.equal(vmaStartRead(m.k, m.mm(0), vma), READ_LOCKED, 'the last one')
  Atomics.store(m.w, vma + VMA.vm_refcnt, 1)
  m.endAndAudit()
})

t.test('wrong uses are named', async t => {
  const cases: [string, (m: Machine, vma: number) => void][] = [
    ['write-locked without mmap_lock', (m, vma) => vmaStartWrite(m.k, m.mm(0), vma)],
    ['attached with vm_refcnt 1', (m, vma) => vmaMarkAttached(m.k, vma)],
    [
      'read-unlocked once more than locked',
      (m, vma) => {
        for (let n = 0; n < 2; n++) vmaEndRead(m.k, vma)
      },
    ],
  ]
  for (const [message, act] of cases) {
    const { m, vma } = machine()
    const violation = violationOf(() => act(m, vma))
    t.equal(violation?.oracle, 'CNT')
    t.match(violation?.message, message)
  }
})

t.test('a VMA is attached and detached once', async t => {
  const { m, vma, count } = machine()
  m.on(0, () => {
    m.k.policy.writeLock(m.mm(0))
    vmaStartWrite(m.k, m.mm(0), vma)
    vmaMarkDetached(m.k, m.mm(0), vma)
    t.equal(count(), 0)
    vmaStartWrite(m.k, m.mm(0), vma)
    t.equal(count(), 0, 'locking a detached one counts nothing')
    vmaMarkAttached(m.k, vma)
    t.equal(vmaStartRead(m.k, m.mm(0), vma), LOCKED, 'still locked')
    m.k.policy.writeUnlock(m.mm(0))
  })
  m.endAndAudit()
})

t.test('detaching waits for a reader that counted itself before it saw the lock', async t => {
  const { m, vma, count } = machine()
  const seen: number[] = []
  m.on(0, () => {
    m.k.policy.writeLock(m.mm(0))
    vmaStartWrite(m.k, m.mm(0), vma)
    Atomics.add(m.w, vma + VMA.vm_refcnt, 1)
    const leave = () => {
      seen.push(count())
      vmaEndRead(m.k, vma)
    }
    within('vma-lock/wait-readers', leave, () => vmaMarkDetached(m.k, m.mm(0), vma))
    t.same(seen, [VMA_LOCK_OFFSET + 1], 'the writer and the reader, attached no more')
    t.equal(count(), 0)
    vmaMarkAttached(m.k, vma)
    m.k.policy.writeUnlock(m.mm(0))
  })
  m.endAndAudit()
})

t.test('a writer waits for the readers, whether it locks or detaches', async t => {
  const driver = await load(new URL('./fixtures/vma-lock-readers.ts', import.meta.url))
  t.teardown(() => driver.remove())
  // The time is a limit, not a length: 200 turns end by themselves.
  const { failures, counters } = await driver.run({ ms: 20_000 })
  t.same(failures, [])
  t.equal(counters.turns, 200)
})

/** What CPU 1 does between CPU 0's walk to the VMA and its count. */
const BEFORE_COUNT = 'vma-lock/before-count'

t.test('a VMA that is gone by the time it is counted is looked up again', async t => {
  const { m } = machine()
  const unmap = () => m.intrude(1, task => task.munmap(0, 8, 16))
  t.equal(
    within(BEFORE_COUNT, unmap, () => m.read(0, 9)),
    -FAULT_SEGV,
  )
  t.match(m.k.stats, { rewalks: 1, fallbackNoVma: 1, fast: 0 })
  m.endAndAudit()
})

t.test('a VMA recycled by another address space is not taken for the one looked up', async t => {
  const { m, vma } = machine()
  const recycle = () =>
    m.intrude(1, task => {
      task.munmap(0, 8, 16)
      task.mmap(1, 8, 16, PRIVATE)
    })
  t.equal(
    within(BEFORE_COUNT, recycle, () => m.write(0, 9, 1)),
    -FAULT_SEGV,
  )
  t.same(m.vmas(1), [vma])
  t.match(m.k.stats, { fallbackOtherMm: 1, fast: 0 })
  t.equal(m.pte(1, 9), 0)
  m.endAndAudit()
})

t.test('a VMA recycled at another place is not taken for the one looked up', async t => {
  const { m } = machine()
  const move = () =>
    m.intrude(1, task => {
      task.munmap(0, 8, 16)
      task.mmap(0, 32, 40, PRIVATE)
    })
  t.equal(
    within(BEFORE_COUNT, move, () => m.write(0, 9, 1)),
    -FAULT_SEGV,
  )
  t.match(m.k.stats, { fallbackRange: 1, fast: 0 })
  m.endAndAudit()
})

t.test('a VMA whose border moved over the page is not taken either', async t => {
  const { m } = machine()
  const cut = () => m.intrude(1, task => task.mprotect(0, 9, 10, false))
  t.equal(
    within(BEFORE_COUNT, cut, () => m.write(0, 12, 1)),
    0,
    'the page is in the new VMA above',
  )
  t.equal(
    within(
      BEFORE_COUNT,
      () => {},
      () => m.write(0, 9, 1),
    ),
    -FAULT_SEGV,
  )
  m.endAndAudit()
})

t.test('rights that were taken away in between are not used', async t => {
  const { m } = machine()
  const replace = () => m.intrude(1, task => task.mmap(0, 8, 16, READ_ONLY))
  t.equal(
    within(BEFORE_COUNT, replace, () => m.write(0, 9, 1)),
    -FAULT_SEGV,
  )
  m.endAndAudit()
})

t.test('a writer that comes between the hint and the count is seen', async t => {
  const { m, vma, count } = machine()
  const lock = () =>
    m.intrude(1, ({ k, mm }) => {
      k.policy.writeLock(mm)
      k.policy.startWrite(mm, vma)
    })
  t.equal(
    within(BEFORE_COUNT, lock, () => vmaStartRead(m.k, m.mm(0), vma)),
    LOCKED,
  )
  t.equal(count(), 1)
  m.intrude(1, ({ k, mm }) => k.policy.writeUnlock(mm))
  m.endAndAudit()
})

t.test('two faults on one page: the second one gives its frame back', async t => {
  const { m } = machine()
  m.write(0, 8, 1)
  const free = m.freeFrames()
  const first = () => m.intrude(1, () => t.equal(m.write(1, 9, 5), 0))
  t.equal(
    within('fault/install', first, () => m.write(0, 9, 6)),
    0,
  )
  t.equal(m.freeFrames(), free - 1)
  t.same([m.read(0, 9, 0), m.read(0, 9, 1)], [6, 5], 'both wrote to the same frame')
  m.endAndAudit()
})

t.test('a locked shared page: the fault lets go of its lock, waits, and starts again', async t => {
  for (const [policy, counter] of [
    ['vma-lock', 'fallbackRetry'],
    ['mmap-lock', 'retries'],
  ] as const) {
    const m = new Machine(policy)
    m.on(0, task => task.mmap(0, 8, 16, SHARED))
    m.on(0, task => task.mmap(0, 40, 48, SHARED))
    m.write(0, 9, 5)
    const flags = m.k.frames.at(m.frameOf(0, 9)) + FRAME.flags
    Atomics.or(m.w, flags, PG_LOCKED)
    const unlock = () => {
      for (const vma of m.vmas())
        t.equal(Atomics.load(m.w, vma + VMA.vm_refcnt), policy === 'vma-lock' && vma === m.vmas()[1] ? 2 : 1)
      Atomics.and(m.w, flags, ~PG_LOCKED)
    }
    t.equal(
      within('page-cache/page-locked', unlock, () => m.read(0, 41)),
      5,
    )
    t.equal(m.k.stats[counter], 1)
    m.endAndAudit()
  }
})

t.test('without mmap_lock a first page needs a retry: its VMA has no anon_vma yet', async t => {
  const { m, vma, count } = machine()
  const mm = m.mm(0)
  m.intrude(1, task => task.k.policy.writeLock(task.mm))
  m.on(0, () => {
    t.equal(vmaStartRead(m.k, mm, vma), READ_LOCKED)
    t.equal(handleMmFault(m.k, mm, vma, 9, true, ALLOW_RETRY | UNDER_VMA_LOCK), FAULT_RETRY)
  })
  t.equal(count(), 1, 'the VMA was let go of')
  t.equal(m.k.stats.fallbackAnonVma, 1)
  m.intrude(1, task => task.k.policy.writeUnlock(task.mm))
  t.equal(m.write(0, 9, 1), 0)
  m.endAndAudit()
})
