/** fork and copy-on-write: what both sides see, and whose page a page is. */
import t from 'tap'
import { DONE } from '../lib/mm/call/mmap.ts'
import { FAULT_SEGV } from '../lib/mm/fault/fault-codes.ts'
import { FRAME, PG_ANON_EXCLUSIVE, PTE_WRITE, VMA, ZERO_FRAME } from '../lib/mm/layout.ts'
import { POLICIES } from '../lib/mm/policy/policy.ts'
import { bury, child, go, machine } from './helpers/fork.ts'
import { type Machine, PRIVATE, READ_ONLY, SHARED } from './helpers/memory.ts'
import { within } from './helpers/windows.ts'

const PRIVATE_OBJECT = { write: true, object: 1, offset: 0, shared: false }

const exclusive = (m: Machine, frame: number) => (m.frame(frame, 'flags') & PG_ANON_EXCLUSIVE) !== 0
const writable = (m: Machine, mm: number, vpn: number) => (m.pte(mm, vpn) & PTE_WRITE) !== 0
const counts = (m: Machine, frame: number) => [m.frame(frame, 'mapcount'), m.frame(frame, 'refcount')]
const mappingOf = (m: Machine, frame: number) => Atomics.load(m.w, m.k.frames.at(frame) + FRAME.mapping)

for (const policy of POLICIES) {
  t.test(`${policy}: neither side sees what the other writes`, async t => {
    const m = machine(policy)
    for (const vpn of [8, 9, 10]) m.write(0, vpn, vpn)
    const id = child(m)
    t.equal(m.frameOf(id, 8), m.frameOf(0, 8), 'nothing was copied yet')
    t.same([writable(m, 0, 8), writable(m, id, 8)], [false, false])
    t.equal(m.write(0, 8, 80), 0)
    t.equal(m.write(1, 9, 90), 0)
    t.same([m.read(0, 8), m.read(1, 8, 0)], [80, 8])
    t.same([m.read(1, 9), m.read(0, 9, 1)], [90, 0])
    t.equal(m.read(1, 9, 0), 9, 'the copy holds all of the page')
    t.equal(m.frameOf(id, 10), m.frameOf(0, 10), 'and who only reads shares')
    t.not(m.frameOf(id, 8), m.frameOf(0, 8))
    bury(m, id)
    t.same([m.read(0, 8), m.read(0, 9), m.read(0, 10)], [80, 9, 10])
    m.endAndAudit()
  })

  t.test(`${policy}: a child of a child`, async t => {
    const m = machine(policy)
    m.write(0, 8, 1)
    const ids = [child(m)]
    for (const value of [2, 3]) {
      m.write(1, 8, value)
      go(m, 0, ids.at(-1)!)
      ids.push(child(m))
    }
    go(m, 0, 0)
    m.write(0, 8, 4)
    const seen = ids.map(id => {
      go(m, 1, id)
      return [m.read(1, 8, 0), m.read(1, 8, 1)]
    })
    t.same(seen, [
      [1, 2],
      [1, 3],
      [1, 3],
    ])
    t.equal(m.read(0, 8, 0), 4)
    // The one in the middle goes first: its descendant still finds its pages' owners.
    bury(m, ids[1], ids[0])
    go(m, 1, ids[2])
    t.equal(m.write(1, 8, 5), 0)
    t.same([m.read(1, 8, 0), m.read(1, 8, 1)], [1, 5])
    bury(m, ids[2])
    m.endAndAudit()
  })
}

t.test('pages of an object stay shared', async t => {
  const m = machine()
  m.on(0, task => task.mmap(0, 32, 40, SHARED))
  m.write(0, 32, 1)
  const id = child(m)
  t.equal(m.read(1, 32, 0), 1)
  t.equal(m.frameOf(id, 32), m.frameOf(0, 32))
  m.write(1, 32, 2)
  m.write(0, 32, 3)
  t.same([m.read(0, 32, 1), m.read(1, 32, 0)], [2, 3])
  m.write(1, 33, 4)
  t.equal(m.read(0, 33, 1), 4, 'also those that nobody had touched')
  bury(m, id)
  m.endAndAudit()
})

t.test('of a private mapping of an object the copies are inherited, and the rest is read', async t => {
  const m = machine()
  m.on(0, task => {
    task.mmap(0, 32, 40, SHARED)
    task.mmap(0, 48, 56, PRIVATE_OBJECT)
  })
  for (const vpn of [32, 33]) m.write(0, vpn, vpn)
  m.write(0, 48, 48)
  t.equal(m.read(0, 49), 33)
  const id = child(m)
  t.same([m.read(1, 48, 0), m.read(1, 49, 0)], [48, 33])
  m.write(1, 48, 1)
  m.write(1, 49, 1)
  t.same([m.read(0, 48, 1), m.read(0, 49, 1), m.read(0, 32, 1), m.read(0, 33, 1)], [0, 0, 0, 0])
  m.write(0, 48, 50)
  t.equal(m.read(1, 48, 0), 48)
  bury(m, id)
  m.endAndAudit()
})

t.test('rights, the zero page, and pages that nobody has touched', async t => {
  const m = machine()
  m.on(0, task => task.mmap(0, 32, 40, READ_ONLY))
  t.same([m.read(0, 8), m.read(0, 32)], [0, 0])
  const id = child(m)
  t.same([m.frameOf(id, 8), m.read(1, 32)], [ZERO_FRAME, 0])
  t.equal(m.write(1, 32, 1), -FAULT_SEGV)
  t.equal(
    m.on(1, task => task.mprotect(id, 32, 40, true)),
    DONE,
  )
  t.same([m.write(1, 32, 1), m.write(1, 8, 1), m.write(1, 12, 1)], [0, 0, 0])
  t.same([m.read(0, 32, 1), m.read(0, 8, 1), m.read(0, 12, 1)], [0, 0, 0])
  t.equal(m.write(0, 32, 1), -FAULT_SEGV)
  bury(m, id)
  m.endAndAudit()
})

t.test('the two layouts go their own ways', async t => {
  const m = machine()
  m.write(0, 8, 8)
  const id = child(m)
  m.on(1, task => task.munmap(id, 8, 12))
  m.on(0, task => task.mprotect(0, 12, 16, false))
  t.same(m.borders(id), [[12, 24]])
  t.equal(m.borders(0).length, 3)
  t.same([m.read(0, 8), m.read(1, 8)], [8, -FAULT_SEGV])
  t.same([m.write(0, 12, 1), m.write(1, 12, 1)], [-FAULT_SEGV, 0])
  bury(m, id)
  m.endAndAudit()
})

t.test('a page that was never shared is written to in place', async t => {
  const m = machine()
  m.write(0, 8, 8)
  const frame = m.frameOf(0, 8)
  t.ok(exclusive(m, frame))
  m.on(0, task => {
    task.mprotect(0, 8, 24, false)
    task.mprotect(0, 8, 24, true)
  })
  t.notOk(writable(m, 0, 8))
  m.write(0, 8, 9)
  t.equal(m.frameOf(0, 8), frame)
  m.endAndAudit()
})

t.test('a shared page is copied by the first who writes, and is the last one’s own', async t => {
  const m = machine()
  m.write(0, 8, 8)
  const frame = m.frameOf(0, 8)
  const owner = mappingOf(m, frame)
  const id = child(m)
  t.notOk(exclusive(m, frame))
  t.same(counts(m, frame), [2, 2])
  m.write(0, 8, 80)
  const copy = m.frameOf(0, 8)
  t.not(copy, frame)
  t.same([exclusive(m, copy), exclusive(m, frame)], [true, false])
  t.same(
    [counts(m, frame), counts(m, copy)],
    [
      [1, 1],
      [1, 1],
    ],
  )
  m.write(1, 8, 81)
  t.equal(m.frameOf(id, 8), frame, 'in place')
  t.ok(exclusive(m, frame))
  t.equal(mappingOf(m, frame), Atomics.load(m.w, m.vmas(id)[0] + VMA.anon_vma), 'the child’s now')
  t.not(mappingOf(m, frame), owner)
  bury(m, id)
  m.endAndAudit()
})

t.test('when the only child has ended the parent writes in place', async t => {
  const m = machine()
  m.write(0, 8, 8)
  const frame = m.frameOf(0, 8)
  bury(m, child(m))
  t.notOk(exclusive(m, frame))
  t.notOk(writable(m, 0, 8))
  m.write(0, 8, 9)
  t.equal(m.frameOf(0, 8), frame)
  t.ok(exclusive(m, frame))
  m.endAndAudit()
})

t.test('a batch that holds a reference is emptied first, if it is this CPU’s', async t => {
  const m = machine()
  m.keepsBatches = true
  m.write(0, 8, 8)
  m.write(1, 9, 9)
  const frames = [8, 9].map(vpn => m.frameOf(0, vpn))
  bury(m, child(m))
  t.same(
    frames.map(frame => counts(m, frame)),
    [
      [1, 2],
      [1, 2],
    ],
    'one entry, and one reference of a batch',
  )
  m.write(0, 8, 80)
  m.write(0, 9, 90)
  t.equal(m.frameOf(0, 8), frames[0], 'its own batch has let go')
  t.not(m.frameOf(0, 9), frames[1], 'of another CPU’s nobody can tell: a copy')
  t.same([m.read(0, 9, 0), m.read(0, 9, 1)], [90, 9])
  m.endAndAudit()
})

t.test('who holds a page without mapping it has it copied away from under nobody', async t => {
  const m = machine()
  m.write(0, 8, 8)
  const frame = m.frameOf(0, 8)
  const id = child(m)
  m.k.frames.get(frame)
  bury(m, id)
  t.same(counts(m, frame), [1, 2])
  m.write(0, 8, 9)
  t.not(m.frameOf(0, 8), frame, 'one entry maps it, but that is not all')
  m.on(0, ({ k }) => k.frames.put(frame))
  m.endAndAudit()
})

t.test('a page lock that somebody has stops the reuse, not the write', async t => {
  const m = machine()
  m.write(0, 8, 8)
  const frame = m.frameOf(0, 8)
  bury(m, child(m))
  const flags = m.k.frames.at(frame) + FRAME.flags
  Atomics.or(m.w, flags, 1)
  t.equal(m.write(0, 8, 9), 0)
  t.not(m.frameOf(0, 8), frame)
  Atomics.and(m.w, flags, ~1)
  m.endAndAudit()
})

t.test('a CPU that has the right to write in its TLB loses it', async t => {
  const m = machine()
  let id = 0
  m.on(1, other => {
    const write = (value: number) => {
      const at = other.access(8, true)
      Atomics.store(m.w, at + 1, value)
      other.accessed(8)
    }
    write(1)
    // CPU 1 is running, so fork must wait for it; it answers where fork waits.
    within(
      'shootdown/wait',
      () => other.k.cpu.poll(),
      () => {
        id = m.on(0, task => task.fork())
      },
    )
    const { faults } = other.k.stats
    write(2)
    t.equal(other.k.stats.faults, faults + 1)
  })
  go(m, 0, id)
  t.equal(m.read(0, 8, 1), 1, 'the child has what was there before')
  go(m, 0, 0)
  bury(m, id)
  m.endAndAudit()
})

t.test('a fault that has looked at the entry finds it changed by fork', async t => {
  const m = machine()
  const { k } = m
  m.on(0, task => task.mmap(0, 32, 40, PRIVATE))
  m.write(0, 8, 8)
  m.on(0, task => {
    task.mprotect(0, 8, 24, false)
    task.mprotect(0, 8, 24, true)
  })
  const lost = k.stats.faults
  let id = 0
  // The first fault is refused, since its VMA is locked at the moment, or has become another one's.
  within(
    'vma-lock/before-count',
    () => {
      id = m.intrude(1, other => other.fork())
    },
    () => t.equal(m.write(0, 8, 9), 0),
  )
  t.ok(k.stats.faults > lost)
  go(m, 1, id)
  t.equal(m.read(1, 8, 0), 8)
  bury(m, id)
  m.endAndAudit()
})
