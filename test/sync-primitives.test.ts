import t from 'tap'
import { OracleViolation } from '../lib/check/oracle.ts'
import { ArenaBuilder } from '../lib/shm/arena.ts'
import { CPU, Cpu, cpuRegion, PARKED, RUNNING } from '../lib/shm/cpu.ts'
import { struct } from '../lib/shm/layout.ts'
import { park, unpark } from '../lib/sync/park.ts'
import {
  readSeqcountBegin,
  readSeqcountRetry,
  readSeqcountSpin,
  writeSeqcountBegin,
  writeSeqcountEnd,
} from '../lib/sync/seqcount.ts'
import { spinIsOwner, spinLock, spinTrylock, spinUnlock } from '../lib/sync/spinlock.ts'

const CELL = struct('cell', { word: 'of the primitive under test' })

function machine(): { w: Int32Array; a: Cpu; b: Cpu; at: number } {
  const builder = new ArenaBuilder()
  const cpus = cpuRegion(builder, 2)
  const cell = builder.region('cell', CELL, 1)
  const { words: w } = builder.build()
  const [a, b] = [new Cpu(w, cpus, 0), new Cpu(w, cpus, 1)]
  a.run()
  b.run()
  return { w, a, b, at: cell.base }
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

t.test('a permit given before the park is consumed by it, and two are one', async t => {
  const { a, b } = machine()
  unpark(b, a.id)
  unpark(b, a.id)
  t.equal(park(a, 0), true)
  t.equal(park(a, 0), false, 'permits do not count')
})

t.test('a park without a permit gives up after its time-out', async t => {
  const { w, a } = machine()
  const began = performance.now()
  t.equal(park(a, 20), false)
  t.ok(performance.now() - began >= 19)
  t.equal(Atomics.load(w, a.base + CPU.state), RUNNING, 'and the thread runs again')
})

t.test('a sleeping thread has served its interrupts, and serves again when it wakes', async t => {
  const { w, a, b } = machine()
  const served: number[] = []
  a.onInterrupt = () => served.push(Atomics.load(w, a.base + CPU.state))
  const ticket = b.interrupt(a.id)
  t.equal(b.hasServed(a.id, ticket), false)
  park(a, 1)
  t.equal(b.hasServed(a.id, ticket), true)
  t.equal(served.at(-1), RUNNING, 'once more after it said that it runs')
  a.idle()
  t.equal(Atomics.load(w, a.base + CPU.state), PARKED)
  t.equal(b.hasServed(a.id, b.interrupt(a.id)), true, 'nobody waits for who sleeps')
})

t.test('a spinlock has one owner', async t => {
  const { w, a, b, at } = machine()
  spinLock(a, at)
  t.equal(Atomics.load(w, at), a.id + 1)
  t.equal(spinTrylock(b, at), false)
  t.equal(spinIsOwner(a, at), true)
  t.equal(spinIsOwner(b, at), false)
  t.equal(
    oracleOf(() => spinUnlock(b, at)),
    'CNT',
    'who does not hold it does not unlock it',
  )
  t.equal(
    oracleOf(() => spinLock(a, at)),
    'CNT',
    'who holds it does not wait for it',
  )
  spinUnlock(a, at)
  t.equal(
    oracleOf(() => spinUnlock(a, at)),
    'CNT',
    'nor twice',
  )
  t.equal(spinTrylock(b, at), true)
  spinUnlock(b, at)
  t.equal(Atomics.load(w, at), 0)
})

t.test('a sequence counter is odd while a writer is at work', async t => {
  const { w, a, at } = machine()
  const before = readSeqcountBegin(w, at)
  t.equal(before & 1, 0)
  t.equal(readSeqcountRetry(w, at, before), false)
  writeSeqcountBegin(w, at)
  const during = readSeqcountBegin(w, at)
  t.equal(during & 1, 1)
  t.equal(readSeqcountRetry(w, at, before), true)
  t.equal(readSeqcountRetry(w, at, during), true, 'a read that began during a write is void')
  t.equal(
    oracleOf(() => writeSeqcountBegin(w, at)),
    'CNT',
    'writers are serialised',
  )
  Atomics.store(w, at, during)
  writeSeqcountEnd(w, at)
  t.equal(readSeqcountRetry(w, at, during), true)
  t.equal(readSeqcountSpin(a, at) & 1, 0)
  t.equal(
    oracleOf(() => writeSeqcountEnd(w, at)),
    'CNT',
    'an end has a beginning',
  )
})
