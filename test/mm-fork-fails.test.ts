/** fork without enough of something: what is left of it. */
import t from 'tap'
import { PAGE_LOG } from '../lib/mm/layout.ts'
import { bury, machine } from './helpers/fork.ts'
import { Machine, PRIVATE, SHARED } from './helpers/memory.ts'

t.test('there are so many address spaces, and no more', async t => {
  const m = machine()
  const ids = [1, 2, 3, 4].map(() => m.on(0, task => task.fork()))
  t.same(ids, [1, 2, 3, 4])
  t.equal(
    m.on(0, task => task.fork()),
    -1,
  )
  bury(m, 3)
  t.equal(
    m.on(0, task => task.fork()),
    3,
  )
  bury(m, 1, 2, 3, 4)
  m.endAndAudit()
})

/** What is in use of everything that fork allocates, with nothing waiting for a grace period. */
function inUse(m: Machine): number[] {
  const { k } = m
  m.on(0, () => k.rcu.barrier())
  return [m.freeFrames(), ...[k.vmas, k.anonVmas, k.avcs, k.nodes, k.tables].map(slab => slab.live())]
}

t.test('a fork that fails, wherever it does, leaves nothing behind and promises nothing', async t => {
  const m = machine()
  // Three VMAs with pages, in several tables; the second one is shared.
  m.on(0, task => {
    task.mmap(0, 32, 40, SHARED)
    task.mmap(0, 48, 64, PRIVATE)
  })
  const pages = [8, 16, 23, 32, 48, 63]
  for (const vpn of pages) m.write(0, vpn, vpn)
  const before = inUse(m)
  const revoked = () => Atomics.load(m.w, m.mm(0).log(63, PAGE_LOG.write_revoked))
  const promise = revoked()
  let fails = 0
  for (let id = -1; id === -1 && fails < 100; fails++) {
    let asked = 0
    m.k.shouldFail = () => asked++ === fails
    id = m.on(0, task => task.fork())
    m.k.shouldFail = () => false
    if (id === -1) {
      t.same(inUse(m), before, `failure ${fails}`)
      t.equal(revoked(), promise, 'of the last VMA nothing was promised')
      t.same(
        [1, 2, 3, 4].map(mm => Atomics.load(m.w, m.mm(mm).count)),
        [0, 0, 0, 0],
      )
      t.same(
        pages.map(vpn => m.read(0, vpn)),
        pages,
      )
      t.same(
        pages.map(vpn => m.write(0, vpn, vpn)),
        [0, 0, 0, 0, 0, 0],
      )
    } else {
      t.not(revoked(), promise)
      bury(m, id)
    }
  }
  t.ok(fails > 10, `${fails} places to fail at`)
  t.same(inUse(m), before)
  m.endAndAudit()
})

t.test('out of VMAs it is the same', async t => {
  const m = new Machine('vma-lock', { mms: 3, firstMms: 1, vmas: 5 })
  m.on(0, task => {
    for (const start of [8, 24, 40]) task.mmap(0, start, start + 8, PRIVATE)
  })
  for (const vpn of [8, 24, 40]) m.write(0, vpn, vpn)
  const before = inUse(m)
  t.equal(
    m.on(0, task => task.fork()),
    -1,
  )
  t.same(inUse(m), before)
  t.same(
    [8, 24, 40].map(vpn => m.read(0, vpn)),
    [8, 24, 40],
  )
  m.endAndAudit()
})
