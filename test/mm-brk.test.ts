/** The heap: where its end is, what lies in it, and who gets it. */
import t from 'tap'
import { FAULT_SEGV } from '../lib/mm/fault/fault-codes.ts'
import { POLICIES } from '../lib/mm/policy/policy.ts'
import { Machine, PRIVATE, READ_ONLY } from './helpers/memory.ts'
import { within } from './helpers/windows.ts'

/** A heap that begins at page 32 of address space 0. */
function heap(policy: (typeof POLICIES)[number], options = {}): Machine {
  const m = new Machine(policy, options)
  m.on(0, task => task.startHeap(0, 32))
  return m
}

const brk = (m: Machine, to: number, mm = 0) => m.on(0, task => task.brk(mm, to))

for (const policy of POLICIES) {
  t.test(policy, async t => {
    t.test('it grows and shrinks as one mapping', async t => {
      const m = heap(policy)
      t.equal(m.read(0, 32), -FAULT_SEGV)
      t.equal(brk(m, 40), 40)
      t.equal(brk(m, 52), 52)
      t.same(m.borders(), [[32, 52]])
      for (const vpn of [32, 40, 51]) t.equal(m.write(0, vpn, vpn), 0)
      t.equal(brk(m, 41), 41)
      t.same(m.borders(), [[32, 41]])
      t.same([m.read(0, 32), m.read(0, 40), m.read(0, 51)], [32, 40, -FAULT_SEGV])
      t.equal(brk(m, 52), 52)
      t.equal(m.read(0, 51), 0, 'what was given up is gone')
      t.equal(brk(m, 32), 32)
      t.same(m.borders(), [])
      m.endAndAudit()
    })

    t.test('its end stays where it is if it cannot move', async t => {
      const m = heap(policy)
      const { pages } = m.memory.options
      m.on(0, task => task.mmap(0, 48, 56, PRIVATE))
      t.equal(brk(m, 40), 40)
      t.equal(brk(m, 31), 40, 'below its beginning')
      t.equal(brk(m, pages + 1), 40, 'beyond all pages')
      t.equal(brk(m, 48), 40, 'up to another mapping, without a gap')
      t.equal(brk(m, 60), 40, 'over it')
      t.equal(brk(m, 40), 40)
      t.equal(brk(m, 47), 47)
      t.same(m.borders(), [
        [32, 47],
        [48, 56],
      ])
      m.endAndAudit()
    })

    t.test('a hole and other rights in it do not stop it', async t => {
      const m = heap(policy)
      brk(m, 64)
      m.on(0, task => {
        task.munmap(0, 40, 44)
        task.mprotect(0, 50, 64, false)
      })
      t.equal(brk(m, 72), 72)
      t.same(
        m.draw().map(({ start, end, write }) => [start, end, write]),
        [
          [32, 40, true],
          [44, 50, true],
          [50, 64, false],
          [64, 72, true],
        ],
      )
      t.equal(brk(m, 42), 42, 'into the hole')
      t.same(m.borders(), [[32, 40]])
      m.endAndAudit()
    })
  })
}

t.test('an address space without a heap has none', async t => {
  const m = new Machine('vma-lock')
  t.equal(
    m.on(0, task => task.brk(1, 0)),
    0,
  )
  m.endAndAudit()
})

t.test("a child has a heap of its own that begins as its parent's", async t => {
  const m = heap('vma-lock', { mms: 3, firstMms: 2 })
  brk(m, 40)
  m.write(0, 39, 7)
  const child = m.on(0, task => task.fork())
  t.equal(brk(m, 48, child), 48)
  t.equal(brk(m, 36), 36)
  t.same(m.borders(child), [[32, 48]])
  t.same(m.borders(), [[32, 36]])
  m.on(1, task => task.switchMm(child))
  t.equal(m.read(1, 39, 0), 7)
  m.on(1, task => task.switchMm(0))
  m.on(0, task => task.exit(child))
  m.endAndAudit()
})

t.test('no memory for a VMA: nothing has changed', async t => {
  const m = heap('vma-lock', { mapCount: 5 })
  m.on(0, task => {
    for (const at of [100, 110, 120]) task.mmap(0, at, at + 2, READ_ONLY)
  })
  t.equal(brk(m, 40), 40)
  m.on(0, task => task.munmap(0, 36, 40))
  m.on(0, task => task.mmap(0, 130, 132, READ_ONLY))
  t.equal(brk(m, 48), 40)
  t.equal(brk(m, 34), 40, 'to give up a part is to split')
  m.on(0, task => task.munmap(0, 130, 132))
  t.equal(brk(m, 34), 34)
  m.endAndAudit()
})

t.test('the break has moved before the lock is downgraded', async t => {
  const m = heap('vma-lock')
  brk(m, 48)
  m.write(0, 40, 1)
  const seen: number[] = []
  const look = () => seen.push(Atomics.load(m.w, m.mm(0).brk))
  t.equal(
    within('rwsem.downgrade', look, () => brk(m, 40)),
    40,
  )
  t.same(seen, [40])
  m.endAndAudit()
})
