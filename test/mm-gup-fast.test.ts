/** Pages taken out of an address space without a lock: what may come in between. */
import t from 'tap'
import { FAULT_SEGV } from '../lib/mm/fault/fault-codes.ts'
import { gupFast, NOT_FAST } from '../lib/mm/gup/gup-fast.ts'
import { GUP_PIN_COUNTING_BIAS as BIAS } from '../lib/mm/page/frames.ts'
import { AT, ELSEWHERE, fast, machine, release, WRITE, wordOf } from './helpers/gup.ts'
import type { Machine } from './helpers/memory.ts'
import { within } from './helpers/windows.ts'

t.test('without a lock', async t => {
  /** Pins page AT, which holds 5, while somebody else does something at a site. */
  const pinWhile = (site: string, act: (m: Machine) => void) => {
    const { m, gup } = machine()
    m.write(0, AT, 5)
    const old = m.frameOf(0, AT)
    const frame = m.on(0, task =>
      within(
        site,
        () => act(m),
        () => gup.getFast(task.mm, AT, WRITE),
      ),
    )
    return { m, gup, old, frame }
  }

  t.test('a frame that is freed before it is referenced is not taken', async t => {
    const { m, gup, old, frame } = pinWhile('gup-fast/read-pte', m =>
      m.intrude(1, task => task.dontneed(0, AT, AT + 1)),
    )
    t.equal(gup.stats.fast, 0)
    t.equal(m.frameOf(0, AT), frame)
    t.equal(wordOf(m, frame), 0)
    t.equal(m.frame(old, 'refcount'), old === frame ? 1 + BIAS : 0)
    release(m, gup, frame, WRITE)
    m.endAndAudit()
  })

  t.test('a frame that became another page is let go of', async t => {
    const { m, gup, old, frame } = pinWhile('gup-fast/read-pte', m => {
      m.intrude(1, task => task.dontneed(0, AT, AT + 1))
      m.intrude(1, task => {
        Atomics.store(m.w, task.access(ELSEWHERE, true) + 1, 8)
        task.accessed(ELSEWHERE)
      })
    })
    t.equal(m.frameOf(0, ELSEWHERE), old, 'recycled at once')
    t.equal(m.frame(old, 'refcount'), 1)
    t.not(frame, old)
    t.equal(m.frameOf(0, AT), frame)
    release(m, gup, frame, WRITE)
    m.endAndAudit()
  })

  t.test('a page that is dropped after it is referenced is let go of, and freed with that', async t => {
    const { m, gup, old, frame } = pinWhile('gup-fast/grabbed', m => m.intrude(1, task => task.dontneed(0, AT, AT + 1)))
    t.equal(gup.stats.fast, 0)
    t.equal(m.frameOf(0, AT), frame)
    if (old !== frame) t.equal(m.frame(old, 'refcount'), 0)
    release(m, gup, frame, WRITE)
    m.endAndAudit()
  })

  t.test('a table that is taken out stays until the walk is over', async t => {
    const { m, gup } = machine()
    m.write(0, AT, 5)
    const live = m.k.tables.live()
    let during = 0
    const frame = m.on(0, task =>
      within(
        'gup-fast/found-table',
        () => {
          m.intrude(1, other => other.munmap(0, 8, 16))
          during = m.k.tables.live()
        },
        () => gup.getFast(task.mm, AT, WRITE),
      ),
    )
    t.equal(frame, -FAULT_SEGV)
    t.equal(during, live, 'a grace period cannot end')
    m.on(1, task => task.k.rcu.barrier())
    t.ok(m.k.tables.live() < live)
    m.endAndAudit()
  })

  t.test('while fork is at work nothing is pinned', async t => {
    const { m, gup } = machine()
    m.write(0, AT, 5)
    const old = m.frameOf(0, AT)
    let pinned = 0
    // After fork found the page not pinned, and before it shares it.
    const child = m.on(1, task =>
      within(
        'fork/share',
        () => {
          pinned = gupFast(m.k, m.mm(0), AT, WRITE)
        },
        () => task.fork(),
      ),
    )
    t.equal(pinned, NOT_FAST)
    t.equal(m.frame(old, 'refcount'), 2)
    const frame = fast(m, gup, AT, WRITE)
    t.not(frame, old, 'the copy is made first')
    release(m, gup, frame, WRITE)
    m.on(1, task => task.exit(child))
    m.endAndAudit()
  })

  t.test('a pin that fork may not have seen is given up', async t => {
    const { m, gup } = machine()
    m.write(0, AT, 5)
    const old = m.frameOf(0, AT)
    let child = -1
    const frame = m.on(0, task =>
      within(
        'gup-fast/grabbed',
        () => {
          child = m.intrude(1, other => other.fork())
        },
        () => gupFast(m.k, task.mm, AT, WRITE),
      ),
    )
    t.equal(frame, NOT_FAST)
    t.equal(m.frame(old, 'refcount'), 1)
    t.equal(m.frameOf(0, AT), old, 'it had seen it')
    t.not(m.frameOf(child, AT), old)
    t.equal(fast(m, gup, AT, WRITE), old)
    release(m, gup, old, WRITE)
    m.on(1, task => task.exit(child))
    m.endAndAudit()
  })
})
