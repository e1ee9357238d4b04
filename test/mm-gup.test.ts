/** Pages taken out of an address space: what they cost, whose they stay, and who comes in between. */
import t from 'tap'
import { FAULT_OOM, FAULT_SEGV } from '../lib/mm/fault/fault-codes.ts'
import { FOLL_GET, FOLL_LONGTERM, FOLL_PIN, FOLL_WRITE } from '../lib/mm/gup/foll.ts'
import { FRAME, PG_DIRTY, PTE_DIRTY, PTE_WRITE, ZERO_FRAME } from '../lib/mm/layout.ts'
import { createMemory, DATA_AT } from '../lib/mm/memory.ts'
import { GUP_PIN_COUNTING_BIAS as BIAS } from '../lib/mm/page/frames.ts'
import {
  AT,
  fast,
  isExclusive,
  machine,
  PRIVATE_FILE,
  release,
  SHARED_READ_ONLY,
  slow,
  WRITE,
  wordOf,
} from './helpers/gup.ts'
import { READ_ONLY, SHARED, violationOf } from './helpers/memory.ts'
import { load } from './helpers/threads.ts'
import { within } from './helpers/windows.ts'

t.test('a pin weighs more than a reference, and both are given back', async t => {
  const { m, gup } = machine()
  m.write(0, AT, 1)
  const mapped = m.frameOf(0, AT)
  for (const get of [fast, slow]) {
    for (const [foll, weight] of [
      [WRITE, BIAS],
      [FOLL_PIN, BIAS],
      [FOLL_GET | FOLL_WRITE, 1],
      [FOLL_GET, 1],
    ]) {
      const frame = get(m, gup, AT, foll)
      t.equal(frame, mapped)
      t.equal(m.frame(frame, 'refcount'), 1 + weight)
      t.equal(m.frame(frame, 'mapcount'), 1, 'and maps nothing')
      t.equal(m.k.frames.maybePinned(frame), weight === BIAS)
      release(m, gup, frame, foll)
      t.equal(m.frame(frame, 'refcount'), 1)
    }
  }
  t.same([gup.stats.fast, gup.stats.slow, gup.stats.faults], [4, 4, 0])
  m.endAndAudit()
})

t.test('many references look like a pin', async t => {
  const { m } = machine()
  m.write(0, AT, 1)
  const frame = m.frameOf(0, AT)
  for (let n = 0; n < BIAS - 2; n++) m.k.frames.get(frame)
  t.notOk(m.k.frames.maybePinned(frame))
  m.k.frames.get(frame)
  t.ok(m.k.frames.maybePinned(frame))
  for (let n = 0; n < BIAS - 1; n++) m.k.frames.put(frame)
  m.endAndAudit()
})

t.test('what is not there is faulted in, with the rights that are asked for', async t => {
  const { m, gup } = machine()
  const frame = fast(m, gup, AT, WRITE)
  t.ok(frame > 0)
  t.equal(m.frameOf(0, AT), frame)
  t.ok(m.pte(0, AT) & PTE_WRITE)
  t.same([gup.stats.fast, gup.stats.slow, gup.stats.faults], [0, 1, 1], 'the slow way')
  release(m, gup, frame, WRITE)
  t.equal(fast(m, gup, 100, WRITE), -FAULT_SEGV, 'nothing is mapped')
  m.on(0, task => task.mprotect(0, 8, 16, false))
  t.equal(fast(m, gup, AT, WRITE), -FAULT_SEGV, 'no right to write')
  t.equal(gup.stats.denied, 2)
  m.endAndAudit()
})

t.test('of the zero page nothing is counted, and for long it is not pinned', async t => {
  const { m, gup } = machine()
  t.equal(m.read(0, AT), 0)
  const before = m.frame(ZERO_FRAME, 'refcount')
  for (const get of [fast, slow]) {
    t.equal(get(m, gup, AT, FOLL_PIN), ZERO_FRAME)
    release(m, gup, ZERO_FRAME, FOLL_PIN)
  }
  t.equal(m.frame(ZERO_FRAME, 'refcount'), before)
  const frame = fast(m, gup, AT, FOLL_PIN | FOLL_LONGTERM)
  t.not(frame, ZERO_FRAME)
  t.equal(gup.stats.unshared, 1)
  t.equal(m.frameOf(0, AT), frame)
  t.notOk(m.pte(0, AT) & (PTE_WRITE | PTE_DIRTY), 'it was not written to')
  t.ok(isExclusive(m, frame))
  t.equal(m.write(0, AT, 7), 0)
  t.equal(wordOf(m, frame), 7, 'the next write stays with the pin')
  release(m, gup, frame, FOLL_PIN)
  m.endAndAudit()
})

t.test('a page that is shared with a child is unshared before it is pinned', async t => {
  for (const get of [fast, slow]) {
    const { m, gup } = machine()
    m.write(0, AT, 5)
    const shared = m.frameOf(0, AT)
    const child = m.on(1, task => task.fork())
    t.equal(m.frameOf(child, AT), shared)
    const looked = get(m, gup, AT, FOLL_GET)
    t.equal(looked, shared, 'to look at it, it is good enough')
    release(m, gup, looked, FOLL_GET)
    const frame = get(m, gup, AT, FOLL_PIN)
    t.not(frame, shared)
    t.equal(wordOf(m, frame), 5)
    t.equal(m.frameOf(child, AT), shared)
    m.write(0, AT, 6)
    t.equal(wordOf(m, frame), 6)
    t.equal(wordOf(m, shared), 5)
    release(m, gup, frame, FOLL_PIN)
    m.on(1, task => task.exit(child))
    m.endAndAudit()
  }
})

t.test('the last one that shares a page keeps it: nothing is copied to pin it', async t => {
  const { m, gup } = machine()
  m.write(0, AT, 5)
  const frame = m.frameOf(0, AT)
  m.on(1, task => task.exit(task.fork()))
  t.notOk(isExclusive(m, frame))
  t.equal(fast(m, gup, AT, FOLL_PIN), frame)
  t.ok(isExclusive(m, frame))
  release(m, gup, frame, FOLL_PIN)
  m.endAndAudit()
})

t.test('a pinned page stays the page of its address', async t => {
  const { m, gup } = machine()
  const frame = fast(m, gup, AT, WRITE)
  m.on(1, task => {
    task.mprotect(0, 8, 16, false)
    task.mprotect(0, 8, 16, true)
  })
  t.notOk(m.pte(0, AT) & PTE_WRITE)
  t.equal(m.write(0, AT, 1), 0)
  t.equal(m.frameOf(0, AT), frame, 'write-protected, and written to in place')

  const child = m.on(1, task => task.fork())
  t.equal(m.frameOf(0, AT), frame)
  t.ok(m.pte(0, AT) & PTE_WRITE, 'fork leaves it alone')
  const copy = m.frameOf(child, AT)
  t.not(copy, frame)
  t.equal(wordOf(m, copy), 1, 'and the child has its copy')
  t.ok(isExclusive(m, copy))
  m.on(1, task => task.exit(child))
  release(m, gup, frame, WRITE)
  m.endAndAudit()
})

t.test('without memory for the copy of a pinned page there is no child, and the parent is as before', async t => {
  const { m, gup } = machine()
  const frame = fast(m, gup, AT, WRITE)
  m.on(1, task => {
    // The last thing that fork asks for: a VMA, its links, a table, the frame.
    let calls = 0
    task.k.shouldFail = () => {
      calls++
      return false
    }
    task.exit(task.fork())
    const last = calls
    calls = 0
    task.k.shouldFail = () => ++calls === last
    t.equal(task.fork(), -1)
    task.k.shouldFail = () => false
  })
  t.equal(m.frameOf(0, AT), frame)
  t.equal(m.write(0, AT, 3), 0)
  t.equal(wordOf(m, frame), 3)
  release(m, gup, frame, WRITE)
  m.endAndAudit()
})

t.test('a page that is dropped while it is pinned is freed with the pin', async t => {
  const { m, gup } = machine()
  const frame = fast(m, gup, AT, WRITE)
  const gen = m.frame(frame, 'gen')
  m.on(1, task => task.munmap(0, 8, 16))
  t.same([m.frame(frame, 'refcount'), m.frame(frame, 'mapcount'), m.frame(frame, 'gen')], [BIAS, 0, gen])
  release(m, gup, frame, WRITE)
  t.equal(m.frame(frame, 'gen'), gen + 1)
  m.endAndAudit()
})

t.test('a write by a device makes the page of an object dirty', async t => {
  const { m, gup } = machine()
  m.on(0, task => task.mmap(0, 40, 44, SHARED))
  const frame = fast(m, gup, 40, WRITE)
  m.on(1, task => task.munmap(0, 40, 44))
  Atomics.and(m.w, m.k.frames.at(frame) + FRAME.flags, ~PG_DIRTY)
  Atomics.store(m.w, m.k.frames.at(frame) + DATA_AT, 9)
  release(m, gup, frame, WRITE, true)
  t.ok(m.frame(frame, 'flags') & PG_DIRTY)
  m.endAndAudit()
})

t.test('by force', async t => {
  t.test('a private, read-only page gets a copy that stays read-only', async t => {
    const { m, gup } = machine()
    m.on(0, task => task.mmap(0, 40, 44, PRIVATE_FILE))
    t.equal(m.read(0, 40), 0)
    const file = m.frameOf(0, 40)
    t.equal(
      m.on(0, task => gup.writeRemote(task.mm, 40, 0, 77)),
      0,
    )
    t.not(m.frameOf(0, 40), file)
    t.equal(m.pte(0, 40) & (PTE_WRITE | PTE_DIRTY), PTE_DIRTY)
    t.equal(m.read(0, 40), 77)
    t.equal(m.write(0, 40, 1), -FAULT_SEGV)
    t.equal(wordOf(m, file), 0)
    const copy = m.frameOf(0, 40)
    m.on(0, task => gup.writeRemote(task.mm, 40, 0, 78))
    t.equal(m.frameOf(0, 40), copy, 'the second time there is one')
    // What nobody has touched yet.
    m.on(0, task => gup.writeRemote(task.mm, 41, 0, 79))
    t.equal(m.read(0, 41), 79)
    m.on(0, task => task.mmap(0, 48, 50, READ_ONLY))
    m.on(0, task => gup.writeRemote(task.mm, 48, 0, 80))
    t.equal(m.read(0, 48), 80)
    t.notOk(m.pte(0, 48) & PTE_WRITE)
    m.endAndAudit()
  })

  t.test('not in a shared mapping, and not where nothing is mapped', async t => {
    const { m, gup } = machine()
    m.on(0, task => task.mmap(0, 40, 44, SHARED_READ_ONLY))
    for (const vpn of [40, 100])
      t.equal(
        m.on(0, task => gup.writeRemote(task.mm, vpn, 0, 1)),
        FAULT_SEGV,
      )
    m.endAndAudit()
  })

  t.test('the copy may be dropped before it is written to: there is another one', async t => {
    const { m, gup } = machine()
    m.on(0, task => task.mmap(0, 40, 44, PRIVATE_FILE))
    m.read(0, 40)
    const file = m.frameOf(0, 40)
    m.on(0, task =>
      within(
        'gup/forced-copy',
        () => m.intrude(1, other => other.dontneed(0, 40, 41)),
        () => gup.writeRemote(task.mm, 40, 0, 77),
      ),
    )
    t.equal(wordOf(m, file), 0, 'the file is as it was')
    t.equal(m.read(0, 40), 77)
    m.endAndAudit()
  })
})

t.test('a count of few bits', async t => {
  t.test('a pin too many is refused, and the page stays whole', async t => {
    const { m, gup } = machine({ refcountBits: 12 })
    m.write(0, AT, 5)
    const frame = m.frameOf(0, AT)
    t.same([fast(m, gup, AT, WRITE), slow(m, gup, AT, WRITE)], [frame, frame])
    t.equal(m.k.frames.references(frame), 1 + 2 * BIAS)
    for (const foll of [WRITE, FOLL_PIN, FOLL_GET]) t.equal(fast(m, gup, AT, foll), -FAULT_OOM)
    t.equal(gup.stats.refused, 3)
    t.ok(m.k.frames.tryGet(frame), 'for the kernel itself there is room')
    m.k.frames.put(frame)
    m.on(1, task => task.munmap(0, 8, 16))
    t.equal(m.k.frames.references(frame), 2 * BIAS)
    for (let n = 0; n < 2; n++) release(m, gup, frame, WRITE)
    t.equal(m.k.frames.references(frame), 0)
    m.endAndAudit()
  })

  t.test('it works as one of many bits does', async t => {
    const { m } = machine({ refcountBits: 12 })
    m.write(0, AT, 5)
    const child = m.on(1, task => task.fork())
    t.equal(m.k.frames.references(m.frameOf(0, AT)), 2)
    m.write(0, AT, 6)
    m.on(1, task => task.exit(child))
    t.equal(m.read(0, AT), 6)
    m.endAndAudit()
  })

  t.test('of other sizes there is none', async t => {
    for (const refcountBits of [11, 33]) t.throws(() => createMemory({ refcountBits }), /12 to 32 are possible/)
  })
})

t.test('a pin that nobody holds cannot be given up', async t => {
  const { m, gup } = machine()
  m.write(0, AT, 5)
  const violation = violationOf(() => gup.release(m.frameOf(0, AT), WRITE, false))
  t.equal(violation?.oracle, 'REF')
  t.match(violation?.message, /a pin was given up, and the count was 1/)
})

t.test('on real threads, with counts of all sizes', async t => {
  const driver = await load(new URL('../scenarios/mm/gup.ts', import.meta.url))
  t.teardown(() => driver.remove())
  const seen = ['pins.fast', 'pins.slow', 'pins.compared', 'pins.forced', 'forks']
  for (const bits of [12, 32]) {
    const { failures, counters } = await driver.run({
      ms: 400,
      seen,
      hangMs: 30_000,
      seed: bits,
      threads: { user: 2, mapper: 1 },
      params: { 'refcount-bits': bits, pte: bits === 12 ? 'pae' : 'word' },
      delayEvery: 100,
    })
    t.same(failures, [])
    for (const name of seen) t.ok(counters[name] > 0, name)
  }
})
