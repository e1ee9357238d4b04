/** Lazy TLB: a CPU that does kernel work leaves an address space loaded, is not asked to flush, and looks at the time. */
import t from 'tap'
import { zapRange } from '../lib/mm/call/zap.ts'
import type { Task } from '../lib/mm/task.ts'
import { Machine, PRIVATE, violationOf } from './helpers/memory.ts'
import { within } from './helpers/windows.ts'

/** Pages [8, 16) of both address spaces; CPU 1 has written to all of them, so that reading on CPU 0 fills its TLB. */
function machine(): Machine {
  const m = new Machine('vma-lock', { mms: 3, firstMms: 2 })
  m.on(1, task => {
    for (const id of [0, 1]) {
      task.mmap(id, 8, 16, PRIVATE)
      task.switchMm(id)
      for (let vpn = 8; vpn < 16; vpn++) use(task, vpn)
    }
    task.switchMm(0)
  })
  return m
}

/** One access, which writes to the CPU's own word. */
function use(task: Task, vpn: number): void {
  const at = task.access(vpn, true)
  if (at < 0) throw new Error(`page ${vpn}: ${at}`)
  Atomics.store(task.k.w, at + task.k.cpu.id, vpn)
  task.accessed(vpn)
}

/** What CPU 1's word of a page holds, seen from another CPU; negative: the fault's answer. */
function see(task: Task, vpn: number): number {
  const at = task.access(vpn, false)
  if (at < 0) return at
  const value = Atomics.load(task.k.w, at + 1)
  task.accessed(vpn)
  return value
}

t.test('nothing was revoked: what is cached is used again', async t => {
  const m = machine()
  m.on(0, task => {
    see(task, 9)
    task.enterLazy()
    t.ok(task.isLazy)
    t.ok(task.switchMm(0))
    t.notOk(task.isLazy)
    t.same(task.comebacks, { flushed: 0, kept: 1 })
    t.equal(see(task, 9), 9)
  })
  m.endAndAudit()
})

t.test('who revokes does not wait for a lazy CPU, which flushes when it comes back', async t => {
  const m = machine()
  m.on(0, task => {
    see(task, 9)
    see(task, 10)
    task.enterLazy()
    // CPU 0 is running and in the mask: were it asked, this would never end.
    within(
      'shootdown/skip-lazy',
      () => {},
      () => m.on(1, other => other.dontneed(0, 9, 10)),
    )
    t.ok(task.switchMm(0))
    t.same(task.comebacks, { flushed: 1, kept: 0 })
    t.equal(see(task, 9), 0)
    t.equal(see(task, 10), 10)
  })
  m.endAndAudit()
})

t.test('rights that were taken away meanwhile are gone, too', async t => {
  const m = machine()
  m.on(0, task => {
    use(task, 9)
    task.enterLazy()
    m.on(1, other => other.mprotect(0, 8, 16, false))
    task.switchMm(0)
    t.ok(task.access(9, true) < 0)
  })
  m.endAndAudit()
})

t.test('what another CPU copied on write is seen', async t => {
  const m = machine()
  m.on(0, task => {
    see(task, 9)
    task.enterLazy()
    m.on(1, other => {
      const child = other.fork()
      const at = other.access(9, true)
      Atomics.store(m.w, at + 1, 99)
      other.accessed(9)
      other.exit(child)
    })
    task.switchMm(0)
    t.equal(see(task, 9), 99)
  })
  m.endAndAudit()
})

t.test('an operation that begins before a CPU loads the tables, and clears afterwards, is not missed', async t => {
  const m = machine()
  m.on(0, task => {
    task.switchMm(1)
    m.on(1, ({ k, mm }) => {
      k.policy.readLock(mm)
      k.gather.begin(mm, 9, 10, true)
      // The tick of the beginning is no news to this CPU: only that of the flush tells.
      task.switchMm(0)
      t.equal(see(task, 9), 9)
      task.enterLazy()
      zapRange(k, mm, k.gather, 9, 10, false)
      k.gather.finish()
      k.policy.readUnlock(mm)
    })
    task.switchMm(0)
    t.equal(task.comebacks.flushed, 1)
    t.equal(see(task, 9), 0)
  })
  m.endAndAudit()
})

t.test('another address space may follow, and the lazy one is let go of', async t => {
  const m = machine()
  m.on(0, task => {
    see(task, 9)
    task.enterLazy()
    t.equal(Atomics.load(m.w, m.mm(0).count), 2)
    t.ok(task.switchMm(1))
    t.equal(Atomics.load(m.w, m.mm(0).count), 1)
    t.equal(Atomics.load(m.w, m.mm(0).lazyMask), 0)
    t.equal(Atomics.load(m.w, m.mm(0).cpumask) & 1, 0)
    t.same(task.comebacks, { flushed: 0, kept: 0 })
    t.equal(see(task, 9), 9)
  })
  m.endAndAudit()
})

t.test('the last user may be the one that goes lazy: the struct stays, the mappings go', async t => {
  const m = new Machine('vma-lock', { mms: 3, firstMms: 2 })
  m.on(0, task => {
    task.mmap(0, 8, 16, PRIVATE)
    use(task, 9)
    const free = m.freeFrames()
    const child = task.fork()
    const mm = m.mm(child)
    task.switchMm(child)
    use(task, 9)
    task.exit(child)
    t.equal(Atomics.load(m.w, mm.users), 1)
    task.enterLazy()
    t.equal(Atomics.load(m.w, mm.users), 0)
    t.equal(Atomics.load(m.w, mm.count), 1, 'kept, as it is loaded')
    t.same(m.vmas(child), [])
    task.k.frames.drainLru()
    t.equal(m.freeFrames(), free)
    t.notOk(task.switchMm(child), 'there is nothing to come back to')
    t.ok(task.isLazy)
    t.ok(task.switchMm(0))
    t.equal(Atomics.load(m.w, mm.count), 0)
    t.equal(see(task, 9), 0)
  })
  m.endAndAudit()
})

t.test('a struct that is loaded somewhere is not handed out again', async t => {
  const m = new Machine('vma-lock', { mms: 2, firstMms: 1 })
  m.on(0, task => {
    task.mmap(0, 8, 16, PRIVATE)
    const child = task.fork()
    task.switchMm(child)
    task.exit(child)
    task.enterLazy()
    t.equal(
      m.on(1, other => other.fork()),
      -1,
    )
    task.switchMm(0)
    const again = m.on(1, other => other.fork())
    t.equal(again, child)
    task.exit(again)
  })
  m.endAndAudit()
})

t.test('a lazy CPU is asked when tables are freed', async t => {
  const m = machine()
  m.on(0, task => {
    see(task, 9)
    task.enterLazy()
    let asked = false
    // In one thread CPU 0 can only answer where CPU 1 waits.
    within(
      'shootdown/wait',
      () => {
        asked = true
        task.k.cpu.poll()
      },
      () => m.on(1, other => other.munmap(0, 8, 16)),
    )
    t.ok(asked)
    task.switchMm(0)
    t.ok(see(task, 9) < 0)
  })
  m.endAndAudit()
})

t.test('a thread may end while its CPU is lazy', async t => {
  const m = machine()
  m.on(0, task => {
    see(task, 9)
    task.enterLazy()
  })
  m.endAndAudit()
  t.pass()
})

t.test('translations that hardware fetches as tables are loaded are revoked as all others', async t => {
  const m = machine()
  m.on(0, task => {
    task.switchMm(1)
    see(task, 9)
    // CPU 0 is in the mask already, so it is asked; it answers where CPU 1 waits, being in the same thread.
    const drop = () => m.on(1, other => other.dontneed(0, 8, 16))
    within(
      'task/mm-loaded',
      () => within('shootdown/wait', () => task.k.cpu.poll(), drop),
      () => task.switchMm(0),
    )
    t.equal(see(task, 9), 0)
  })
  m.endAndAudit()
})

t.test('they are there: the page used last, and its neighbours, need no walk after a switch', async t => {
  const m = machine()
  m.on(0, task => {
    task.switchMm(1)
    see(task, 9)
    task.switchMm(0)
    // The entry goes behind everybody's back: only a translation that is cached can still be used.
    for (const vpn of [8, 9]) {
      const entry = m.entry(0, vpn)
      const pte = Atomics.exchange(m.w, entry, 0)
      t.equal(see(task, vpn), vpn)
      Atomics.store(m.w, entry, pte)
    }
  })
  m.endAndAudit()
})

t.test('in a lazy CPU the oracle knows what a flush is owed', async t => {
  const m = machine()
  m.on(0, task => {
    see(task, 9)
    task.enterLazy()
    m.on(1, other => other.dontneed(0, 9, 10))
    // Coming back without looking at the time, as a CPU with the bug would.
    const { gen } = task.mm
    const now = Atomics.load(m.w, gen)
    Atomics.store(m.w, gen, now - 2)
    task.switchMm(0)
    Atomics.store(m.w, gen, now)
    t.equal(violationOf(() => see(task, 9))?.oracle, 'TLB')
  })
})
