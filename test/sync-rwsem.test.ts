import fc from 'fast-check'
import t from 'tap'
import { OracleViolation } from '../lib/check/oracle.ts'
import { ArenaBuilder } from '../lib/shm/arena.ts'
import { Cpu, cpuRegion } from '../lib/shm/cpu.ts'
import { unpark } from '../lib/sync/park.ts'
import { RWSEM, Rwsem, waiterRegion } from '../lib/sync/rwsem.ts'
import { load } from './helpers/threads.ts'

function semaphore(handles: number): { w: Int32Array; at: number; cpus: Cpu[]; sems: Rwsem[] } {
  const builder = new ArenaBuilder()
  const region = cpuRegion(builder, handles)
  const waiters = waiterRegion(builder, handles)
  const { base: at } = builder.region('sem', RWSEM, 1)
  const { words: w } = builder.build()
  const cpus = Array.from({ length: handles }, (_, id) => new Cpu(w, region, id))
  for (const cpu of cpus) cpu.run()
  return { w, at, cpus, sems: cpus.map(cpu => new Rwsem(cpu, waiters, at)) }
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

function oracleOf(act: () => void): string {
  try {
    act()
  } catch (error) {
    if (error instanceof OracleViolation) return error.oracle
    throw error
  }
  return 'none'
}

const isFree = (w: Int32Array, at: number): boolean =>
  [RWSEM.count, RWSEM.owner, RWSEM.wait_lock, RWSEM.head, RWSEM.tail, RWSEM.spinner].every(
    field => Atomics.load(w, at + field) === 0,
  )

t.test('without waiting it is what a read-write lock should be, whoever does what in whatever order', async () => {
  const operation = fc.record({
    who: fc.nat(2),
    what: fc.constantFrom('read', 'write', 'upRead', 'upWrite', 'downgrade'),
  })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 40 }), operations => {
      const { w, at, sems } = semaphore(3)
      const readers = [0, 0, 0]
      let writer = -1
      for (const { who, what } of operations) {
        const reading = readers.some(n => n > 0)
        if (what === 'read') {
          if (sems[who].downReadTrylock() !== writer < 0) return false
          if (writer < 0) readers[who]++
        } else if (what === 'write') {
          const free = writer < 0 && !reading
          if (sems[who].downWriteTrylock() !== free) return false
          if (free) writer = who
        } else if (what === 'upRead') {
          if (readers[who] > 0) {
            sems[who].upRead()
            readers[who]--
          }
        } else if (writer === who) {
          if (what === 'downgrade') {
            sems[who].downgradeWrite()
            readers[who]++
          } else sems[who].upWrite()
          writer = -1
        } else if (oracleOf(() => sems[who].assertHeldWrite()) !== 'CNT') return false
        const held = writer >= 0 || readers.some(n => n > 0)
        if (sems[0].isLocked() !== held || sems[who].isHeldWrite() !== (writer === who)) return false
      }
      for (const [who, n] of readers.entries()) for (let k = 0; k < n; k++) sems[who].upRead()
      if (writer >= 0) sems[writer].upWrite()
      return isFree(w, at)
    }),
  )
})

t.test('releasing what is not held, or waiting for what one holds, violates CNT', async t => {
  for (const wrong of [
    ([a]: Rwsem[]) => a.upRead(),
    ([a]: Rwsem[]) => a.upWrite(),
    ([a]: Rwsem[]) => a.downgradeWrite(),
    ([a]: Rwsem[]) => a.assertHeld(),
    ([a, b]: Rwsem[]) => {
      b.downWrite()
      a.upWrite()
    },
    ([a, b]: Rwsem[]) => {
      b.downWrite()
      a.upRead()
    },
    ([a]: Rwsem[]) => {
      a.downWrite()
      a.downWrite()
    },
    ([a]: Rwsem[]) => {
      a.downWrite()
      a.downRead()
    },
  ])
    t.equal(
      oracleOf(() => wrong(semaphore(2).sems)),
      'CNT',
      String(wrong).replace(/\s+/g, ' '),
    )
})

t.test('who is killed at once leaves no trace', async t => {
  const { w, at, sems } = semaphore(3)
  const [holder, reader, writer] = sems
  holder.downWrite()
  t.equal(
    reader.downReadKillable(() => true),
    false,
  )
  t.equal(
    writer.downWriteKillable(() => true),
    false,
  )
  t.equal(holder.isContended(), false)
  holder.upWrite()
  t.ok(isFree(w, at))
  t.equal(
    reader.downReadKillable(() => true),
    true,
    'who need not wait is not killed',
  )
  t.equal(
    writer.downWriteKillable(() => true),
    false,
  )
  reader.upRead()
  t.ok(isFree(w, at))
})

t.test('a waiter is granted the lock although it is being killed, when the grant came first', async t => {
  const { w, at, sems } = semaphore(2)
  const [holder, reader] = sems
  holder.downWrite()
  // Asked whether it is killed, the reader is in the queue already: let the holder go just then.
  const got = reader.downReadKillable(() => {
    holder.upWrite()
    return true
  })
  t.equal(got, true)
  reader.upRead()
  t.ok(isFree(w, at))
})

t.test('a downgrade lets waiting readers in and keeps writers out', async t => {
  const { w, at, sems } = semaphore(3)
  const [holder, reader, writer] = sems
  holder.downWrite()
  let writerGot = true
  const got = reader.downReadKillable(() => {
    holder.downgradeWrite()
    writerGot = writer.downWriteTrylock()
    return true
  })
  t.equal(got, true, 'the queued reader')
  t.equal(writerGot, false)
  reader.upRead()
  holder.upRead()
  t.ok(isFree(w, at))
})

t.test('whose handoff it is gets the lock, not who waits behind', async t => {
  const { w, at, sems, cpus } = semaphore(3)
  const [holder, first, second] = sems
  holder.downWrite()
  let asked = 0
  let overtaken = false
  let refused = 0
  // A waiter is asked whether it is killed after each attempt, before it sleeps; the permit lets it try again at once.
  const got = first.downWriteKillable(() => {
    unpark(cpus[0], 1)
    if (++asked === 1) sleep(5)
    else if (asked === 2) overtaken = second.downWriteKillable(giveWay)
    return overtaken
  })
  function giveWay(): boolean {
    unpark(cpus[0], 2)
    if (++refused === 1) holder.upWrite()
    return refused > 1
  }
  t.equal(overtaken, false)
  t.equal(got, true)
  t.equal(refused, 2, 'the other one tried once more, and the lock was free')
  first.upWrite()
  t.ok(isFree(w, at))
})

t.test('a reader does not steal a lock that is owed to somebody', async t => {
  const { w, at, sems, cpus } = semaphore(3)
  const [holder, owed, thief] = sems
  holder.downWrite()
  let asked = 0
  let stolen = false
  owed.downWriteKillable(() => {
    unpark(cpus[0], 1)
    if (++asked === 1) sleep(5)
    else if (asked === 2) {
      holder.upWrite()
      stolen = thief.downReadKillable(() => true)
    }
    return stolen
  })
  t.equal(stolen, false)
  owed.upWrite()
  t.ok(isFree(w, at))
})

t.test('in parallel', async t => {
  const driver = await load(new URL('../scenarios/locks/rwsem.ts', import.meta.url))
  t.teardown(() => driver.remove())
  for (const [writer, reader, delayEvery] of [
    [1, 1, 0],
    [2, 0, 0],
    [4, 4, 0],
    // Every third site loses time: windows that are some nanoseconds wide are some microseconds wide.
    [1, 2, 3],
  ]) {
    const { failures, counters } = await driver.run({
      ms: 250,
      seen: ['locks'],
      threads: { writer, reader },
      delayEvery,
    })
    t.same(failures, [], `${writer} writers, ${reader} readers, delays ${delayEvery}`)
    t.ok(counters.locks > 0)
  }
})

t.test('a waiter may be killed wherever it stands in the queue', async t => {
  const driver = await load(new URL('./fixtures/rwsem-kill.ts', import.meta.url))
  t.teardown(() => driver.remove())
  const { failures, counters } = await driver.run({ hangMs: 20_000 })
  t.same(failures, [])
  t.same(counters, { killed: 25 }, 'readers and writers in every mixture, killed in every place')
})

t.test('a writer gets in against a stream of readers', async t => {
  const driver = await load(new URL('./fixtures/rwsem-stream.ts', import.meta.url))
  t.teardown(() => driver.remove())
  const { failures, counters, hits } = await driver.run({ hangMs: 20_000 })
  t.same(failures, [])
  t.equal(counters.writes, 20)
  t.ok(hits['rwsem.handoff'] > 0, 'because it demands a handoff')
})

t.test('no wake-up is lost: everybody sleeps, everybody is woken, again and again', async t => {
  const driver = await load(new URL('./fixtures/rwsem-rendezvous.ts', import.meta.url))
  t.teardown(() => driver.remove())
  for (const delayEvery of [0, 4]) {
    const { failures, counters } = await driver.run({ hangMs: 20_000, delayEvery })
    t.same(failures, [])
    t.equal(counters.meetings, 300)
  }
})
