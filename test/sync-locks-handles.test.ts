import fc from 'fast-check'
import t from 'tap'
import { OracleViolation } from '../lib/check/oracle.ts'
import { ArenaBuilder, objectAt } from '../lib/shm/arena.ts'
import { Cpu, cpuRegion } from '../lib/shm/cpu.ts'
import { BARRIER, Barrier } from '../lib/sync/barrier.ts'
import { COMPLETION, Completion, completionWaiterRegion } from '../lib/sync/completion.ts'
import { CONDITION, Condition } from '../lib/sync/condition.ts'
import { FUTEX_BUCKET, Futex, futexRegion, WAKE_ALL } from '../lib/sync/futex.ts'
import { MCS_LOCK, McsLock, mcsRegion } from '../lib/sync/mcs-lock.ts'
import { MUTEX, Mutex } from '../lib/sync/mutex.ts'
import { QUEUED_SPINLOCK, QueuedSpinlock, qnodeRegion } from '../lib/sync/queued-spinlock.ts'
import { RWLOCK, Rwlock } from '../lib/sync/rwlock.ts'
import { initSemaphore, SEMAPHORE, Semaphore } from '../lib/sync/semaphore.ts'
import { SEQLOCK, Seqlock } from '../lib/sync/seqlock.ts'
import { TICKET_LOCK, TicketLock } from '../lib/sync/ticket-lock.ts'

/** Three CPUs on this thread, and one of each primitive: what others do meanwhile is done between two calls. */
function machine() {
  const builder = new ArenaBuilder()
  const region = cpuRegion(builder, 3)
  const nodes = qnodeRegion(builder, 3)
  const mcs = mcsRegion(builder, 2, 3)
  const futexes = futexRegion(builder, 3, 1)
  const waiters = completionWaiterRegion(builder, 3)
  const at = {
    ticket: builder.region('ticket', TICKET_LOCK, 1).base,
    qspinlock: builder.region('qspinlock', QUEUED_SPINLOCK, 1).base,
    rwlock: builder.region('rwlock', RWLOCK, 1).base,
    mutex: builder.region('mutex', MUTEX, 1).base,
    semaphore: builder.region('semaphore', SEMAPHORE, 1).base,
    condition: builder.region('condition', CONDITION, 1).base,
    barrier: builder.region('barrier', BARRIER, 1).base,
    completion: builder.region('completion', COMPLETION, 1).base,
    seqlock: builder.region('seqlock', SEQLOCK, 1).base,
    mcs: objectAt(mcs.locks, 1) + MCS_LOCK.tail,
    bucket: futexes.buckets.base,
  }
  const { words: w } = builder.build()
  const cpus = Array.from({ length: 3 }, (_, id) => new Cpu(w, region, id))
  for (const cpu of cpus) cpu.run()
  const handles = cpus.map(cpu => {
    const futex = new Futex(cpu, futexes)
    return {
      futex,
      ticket: new TicketLock(cpu, at.ticket),
      mcs: new McsLock(cpu, mcs, 1),
      qspinlock: new QueuedSpinlock(cpu, nodes, at.qspinlock),
      rwlock: new Rwlock(cpu, nodes, at.rwlock),
      mutex: new Mutex(cpu, futex, at.mutex),
      semaphore: new Semaphore(cpu, futex, at.semaphore),
      condition: new Condition(cpu, futex, at.condition),
      completion: new Completion(cpu, waiters, at.completion),
      seqlock: new Seqlock(cpu, at.seqlock),
      barrier: (parties: number) => new Barrier(cpu, futex, at.barrier, parties),
    }
  })
  return { w, at, handles }
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

for (const kind of ['ticket', 'mcs', 'qspinlock', 'mutex'] as const) {
  t.test(`${kind}: one owner, who alone unlocks it, once`, async t => {
    const { handles } = machine()
    const [a, b] = handles.map(handle => handle[kind])
    a.lock()
    t.equal(b.tryLock(), false)
    t.equal(
      oracleOf(() => a.lock()),
      'CNT',
      'who holds it does not wait for it',
    )
    t.equal(
      oracleOf(() => b.unlock()),
      'CNT',
      'who does not hold it does not unlock it',
    )
    a.unlock()
    t.equal(
      oracleOf(() => a.unlock()),
      'CNT',
      'nor twice',
    )
    t.equal(b.tryLock(), true)
    t.equal(a.tryLock(), false)
    b.unlock()
    a.lock()
    a.unlock()
  })
}

t.test('tickets go round the 32 bits', async t => {
  const { w, at, handles } = machine()
  for (const start of [0x7fffffff, -1]) {
    Atomics.store(w, at.ticket + TICKET_LOCK.next, start)
    Atomics.store(w, at.ticket + TICKET_LOCK.owner, start)
    for (const { ticket } of handles) {
      ticket.lock()
      ticket.unlock()
      t.equal(ticket.tryLock(), true)
      ticket.unlock()
    }
    t.equal(Atomics.load(w, at.ticket + TICKET_LOCK.owner), (start + 6) | 0)
  }
})

t.test('locks leave nothing behind in their words', async t => {
  const { w, at, handles } = machine()
  for (const { mcs, qspinlock, mutex, rwlock } of handles) {
    for (const lock of [mcs, qspinlock, mutex]) {
      lock.lock()
      lock.unlock()
    }
    rwlock.writeLock()
    rwlock.writeUnlock()
    rwlock.readLock()
    rwlock.readUnlock()
  }
  for (const word of [at.mcs, at.qspinlock, at.mutex, at.rwlock]) t.equal(Atomics.load(w, word), 0)
})

t.test(
  'a rwlock without waiting is what a read-write lock should be, whoever does what in whatever order',
  async () => {
    const operation = fc.record({ who: fc.nat(2), what: fc.constantFrom('read', 'write', 'readUnlock', 'writeUnlock') })
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), operations => {
        const { handles } = machine()
        const locks = handles.map(({ rwlock }) => rwlock)
        const readers = [0, 0, 0]
        let writer = -1
        for (const { who, what } of operations) {
          const reading = readers.some(n => n > 0)
          if (what === 'read') {
            if (locks[who].tryReadLock() !== writer < 0) return false
            if (writer < 0) readers[who]++
          } else if (what === 'write') {
            const free = writer < 0 && !reading
            if (locks[who].tryWriteLock() !== free) return false
            if (free) writer = who
          } else if (what === 'readUnlock') {
            if (readers[who] > 0) {
              locks[who].readUnlock()
              readers[who]--
            }
          } else if (writer === who) {
            locks[who].writeUnlock()
            writer = -1
          } else if (oracleOf(() => locks[who].writeUnlock()) !== 'CNT') return false
        }
        return true
      }),
      { numRuns: 200 },
    )
  },
)

t.test('a rwlock that nobody reads is not read-unlocked', async t => {
  const { handles } = machine()
  t.equal(
    oracleOf(() => handles[0].rwlock.readUnlock()),
    'CNT',
  )
})

t.test('a semaphore has as many permits as were given', async t => {
  const { w, at, handles } = machine()
  initSemaphore(w, at.semaphore, 2)
  const [a, b, c] = handles.map(({ semaphore }) => semaphore)
  a.down()
  t.equal(b.tryDown(), true)
  t.equal(c.tryDown(), false)
  c.up()
  t.equal(c.tryDown(), true, 'whoever gives it back')
  a.up()
  b.up()
  t.equal(Atomics.load(w, at.semaphore + SEMAPHORE.count), 2)
})

t.test('a futex does not sleep on what has changed, and wakes nobody where nobody sleeps', async t => {
  const { w, at, handles } = machine()
  const [{ futex }] = handles
  t.equal(futex.wait(at.condition, 1), false)
  t.equal(futex.wake(at.condition, WAKE_ALL), 0)
  t.equal(futex.requeue(at.condition, 1, 1, at.mutex), true, 'nobody has to be moved')
  t.equal(Atomics.load(w, at.bucket + FUTEX_BUCKET.waiters), 0)
})

t.test('signals are counted, whether anybody waits or not', async t => {
  const { w, at, handles } = machine()
  const [{ condition, mutex }] = handles
  condition.signal()
  mutex.lock()
  condition.broadcast(mutex)
  mutex.unlock()
  t.equal(Atomics.load(w, at.condition), 2)
})

t.test('a barrier of one never waits, and each phase has its last one', async t => {
  const { handles } = machine()
  const barrier = handles[0].barrier(1)
  for (let n = 0; n < 5; n++) t.equal(barrier.arrive(), true)
})

t.test('a completion lets through as many as it was completed for', async t => {
  const { w, at, handles } = machine()
  const [a, b] = handles.map(({ completion }) => completion)
  t.equal(a.isDone(), false)
  t.equal(a.tryWait(), false)
  b.complete()
  b.complete()
  t.equal(a.isDone(), true)
  a.wait()
  t.equal(a.tryWait(), true)
  t.equal(a.tryWait(), false, 'twice, and no more')
  b.completeAll()
  b.complete()
  for (let n = 0; n < 5; n++) a.wait()
  t.equal(a.isDone(), true, 'for good')
  t.equal(Atomics.load(w, at.completion + COMPLETION.lock), 0)
})

t.test('what a seqlock reader read is void if a writer came in between', async t => {
  const { handles } = machine()
  const [{ seqlock: reader }, { seqlock: writer }] = handles
  const calm = reader.readBegin()
  t.equal(reader.readRetry(calm), false)
  writer.writeLock()
  t.equal(reader.readRetry(calm), true)
  t.equal(reader.tryWriteLock(), false)
  t.equal(reader.tryReadLock(), false, 'who reads under the lock keeps writers out')
  writer.writeUnlock()
  t.equal(reader.readRetry(calm), true)
  reader.readLock()
  t.equal(writer.tryWriteLock(), false)
  const locked = writer.readBegin()
  reader.readUnlock()
  t.equal(writer.readRetry(locked), false, 'and lets other readers go on')
})
