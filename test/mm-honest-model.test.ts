/**
 * What the model must not simplify, or it would lose the races that it is there for: one test for each of them, which
 * fails if it were simplified. docs/memory-model.md says why each matters.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { PG_ANON_EXCLUSIVE, PTE_ACCESSED, PTE_DIRTY, PTE_FRAME_SHIFT, PTE_WRITE, TABLE } from '../lib/mm/layout.ts'
import { POLICIES } from '../lib/mm/policy/policy.ts'
import { findPmd } from '../lib/mm/table/page-table.ts'
import { findVma } from '../lib/mm/vma/vma-store.ts'
import { spinIsOwner, spinLock, spinUnlock } from '../lib/sync/spinlock.ts'
import { faultScenario } from '../scenarios/workloads/faults.ts'
import { packageRoot } from '../torture/paths.ts'
import { Machine, PRIVATE } from './helpers/memory.ts'
import { within, withinEach } from './helpers/windows.ts'

/** Pages [8, 40) of address space 0: several leaf tables. */
function machine(): Machine {
  const m = new Machine('vma-lock', { mms: 4, firstMms: 2 })
  m.on(0, task => task.mmap(0, 8, 40, PRIVATE))
  return m
}

const ptlOf = (m: Machine, vpn: number) => Atomics.load(m.w, findPmd(m.k, m.mm(0), vpn)) + TABLE.ptl

t.test('clearing an entry and flushing the TLBs are two steps', async t => {
  const m = machine()
  m.write(1, 9, 7)
  const frame = m.frameOf(0, 9)
  const free = m.freeFrames()
  within(
    'gather/flush',
    () => {
      t.equal(m.pte(0, 9), 0, 'the entry is gone')
      t.equal(m.freeFrames(), free, 'the frame is not')
      t.equal(m.frame(frame, 'refcount'), 1)
    },
    () => m.on(0, task => task.munmap(0, 8, 16)),
  )
  t.equal(m.freeFrames(), free + 1)
  m.endAndAudit()
})

t.test('nobody edits the TLB of another thread: it translates until it is asked to forget', async t => {
  const m = machine()
  m.write(0, 9, 7)
  const frame = m.frameOf(0, 9)
  m.on(0, task => {
    t.ok(task.access(9, false) > 0)
    task.accessed(9)
    // As the hardware would, without anybody's lock and without an interrupt.
    Atomics.store(m.w, m.entry(0, 9), 0)
    t.equal(task.k.tlb.lookup(task.mm, 9, false), m.k.frames.at(frame), 'the old translation')
    task.k.tlb.flush()
    t.equal(task.k.tlb.lookup(task.mm, 9, false), 0)
    Atomics.store(m.w, m.entry(0, 9), (frame << PTE_FRAME_SHIFT) | 7)
  })
  m.endAndAudit()
})

t.test('frames and VMAs are used again at once, the last freed first; tables after a grace period', async t => {
  const m = machine()
  m.write(0, 9, 7)
  const frame = m.frameOf(0, 9)
  const [vma] = m.vmas()
  const table = Atomics.load(m.w, findPmd(m.k, m.mm(0), 9))
  const reader = m.on(1, task => task.k.rcu)
  reader.readLock()
  m.on(0, task => task.munmap(0, 8, 40))
  m.on(0, task => task.mmap(0, 8, 40, PRIVATE))
  t.equal(m.vmas()[0], vma, 'the VMA')
  m.write(0, 9, 8)
  t.equal(m.frameOf(0, 9), frame, 'the frame')
  t.not(Atomics.load(m.w, findPmd(m.k, m.mm(0), 9)), table, 'not the table: a walker may stand in it')
  reader.readUnlock()
  m.endAndAudit()
})

t.test('each leaf table has its own lock, and no page is allocated with one held', async t => {
  const m = machine()
  m.write(0, 9, 1)
  m.write(0, 25, 1)
  t.not(ptlOf(m, 9), ptlOf(m, 25))
  const cpu = m.on(1, task => task.k.cpu)
  spinLock(cpu, ptlOf(m, 9))
  t.equal(m.write(0, 26, 2), 0, 'a fault in another table goes on')
  spinUnlock(cpu, ptlOf(m, 9))
  within(
    'fault/install',
    () => t.notOk(spinIsOwner(m.k.cpu, ptlOf(m, 27)), 'the page is there, the lock is not taken yet'),
    () => m.write(0, 27, 3),
  )
  m.endAndAudit()
})

t.test('references and mappings are two counts, and a batch of new pages holds references too', async t => {
  const m = machine()
  m.keepsBatches = true
  m.write(0, 9, 1)
  const frame = m.frameOf(0, 9)
  t.same([m.frame(frame, 'mapcount'), m.frame(frame, 'refcount')], [1, 2])
  m.on(0, task => task.k.frames.drainLru())
  t.same([m.frame(frame, 'mapcount'), m.frame(frame, 'refcount')], [1, 1])
  m.endAndAudit()
})

t.test(
  'nothing sleeps on a word that it tests: only on a permit, a count of wake-ups, the nap of its own thread',
  async t => {
    const waits: string[] = []
    const folder = join(packageRoot, 'lib')
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name =>
      name.endsWith('.ts'),
    )) {
      const text = readFileSync(join(folder, file), 'utf8')
      for (const [, word] of text.matchAll(/Atomics\.wait(?:Async)?\([^,]+,\s*([^,]+),/g))
        waits.push(`${file}: ${word}`)
    }
    t.same(waits.sort(), [
      'atomic/page-lock.ts: page + PAGE_LOCK.wakes',
      'shm/cpu.ts: this.base + CPU.nap',
      'sync/park.ts: permit',
    ])
  },
)

t.test('the hardware sets accessed and dirty without the lock of the table', async t => {
  const m = machine()
  m.write(0, 9, 1)
  const at = m.entry(0, 9)
  Atomics.and(m.w, at, ~(PTE_ACCESSED | PTE_DIRTY))
  const cpu = m.on(1, task => task.k.cpu)
  m.on(0, task => task.k.tlb.flush())
  spinLock(cpu, ptlOf(m, 9))
  t.equal(m.write(0, 9, 2), 0, 'it does not wait')
  t.equal(Atomics.load(m.w, at) & (PTE_ACCESSED | PTE_DIRTY), PTE_ACCESSED | PTE_DIRTY)
  spinUnlock(cpu, ptlOf(m, 9))
  m.endAndAudit()
})

t.test('a mapping that replaces another is a hole for a moment', async t => {
  const m = machine()
  withinEach(
    [
      ['vma-store/publish', () => {}],
      ['vma-store/publish', () => t.equal(findVma(m.k, m.mm(0), 9), 0, 'erased, and nothing inserted yet')],
    ],
    () => m.on(0, task => task.mmap(0, 8, 16, { ...PRIVATE, write: false })),
  )
  t.not(findVma(m.k, m.mm(0), 9), 0)
  m.endAndAudit()
})

t.test('a fault under the VMA lock is in no RCU section while it handles the page', async t => {
  const m = machine()
  m.write(0, 9, 1)
  within(
    'fault/install',
    () => t.notOk(m.k.rcu.isReading(), 'the walk is over'),
    () => m.write(0, 10, 1),
  )
  m.endAndAudit()
})

t.test('runs in which the fast path always or never worked are inconclusive', async t => {
  for (const policy of ['vma-lock', 'spf'] as const) {
    t.ok(POLICIES.includes(policy))
    const scenario = faultScenario({ name: policy, summary: policy, policy: () => policy, fastPath: 'was fast' })
    const said = (fast: number) =>
      scenario.inconclusive?.({
        counters: { faults: 10_000, 'faults.fast': fast, 'faults.segv': 0 },
        params: { load: 'mixed' },
        threads: {},
        cpus: 2,
      } as never)
    t.type(said(10_000), 'string', 'always')
    t.type(said(0), 'string', 'never')
    t.equal(said(9_000), undefined, 'mostly')
  }
})

t.test('fork copies no page: both sides map it, and neither may write', async t => {
  const m = machine()
  m.write(0, 9, 5)
  const frame = m.frameOf(0, 9)
  t.ok(m.frame(frame, 'flags') & PG_ANON_EXCLUSIVE)
  const free = m.freeFrames()
  const child = m.on(0, task => task.fork())
  t.equal(m.freeFrames(), free)
  t.same([m.frameOf(0, 9), m.frameOf(child, 9)], [frame, frame])
  t.same([m.pte(0, 9) & PTE_WRITE, m.pte(child, 9) & PTE_WRITE], [0, 0])
  t.same([m.frame(frame, 'mapcount'), m.frame(frame, 'refcount')], [2, 2])
  t.notOk(m.frame(frame, 'flags') & PG_ANON_EXCLUSIVE)
  m.on(0, task => task.exit(child))
  m.endAndAudit()
})
