/** Bit operations, page locks, compare-and-swap loops and split counters, one thread at a time. */
import t from 'tap'
import * as bitops from '../lib/atomic/bitops.ts'
import { atomicIncBelow, bitClearUnless, setMaskBits } from '../lib/atomic/cmpxchg-loops.ts'
import { PAGE_LOCK, PG_LOCKED, PG_WAITERS, pageLock, pageTrylock, pageUnlock } from '../lib/atomic/page-lock.ts'
import { PercpuCounter, percpuCounterError, percpuCounterRegion } from '../lib/atomic/percpu-counter.ts'
import { OracleViolation } from '../lib/check/oracle.ts'
import { ArenaBuilder } from '../lib/shm/arena.ts'
import { Cpu, cpuRegion } from '../lib/shm/cpu.ts'

const cells = (...values: number[]) => {
  const w = new Int32Array(new SharedArrayBuffer(4 * values.length))
  w.set(values)
  return w
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

t.test('each bit operation changes its bit, returns what it was, and nothing else', async t => {
  const { testAndSetBit, testAndClearBit, testAndChangeBit, testAndSetBitLock } = bitops
  const changes = {
    set: [bitops.setBit, bitops.__setBit, testAndSetBit, testAndSetBitLock],
    clear: [bitops.clearBit, bitops.__clearBit, testAndClearBit, bitops.clearBitUnlock, bitops.__clearBitUnlock],
    flip: [bitops.changeBit, bitops.__changeBit, testAndChangeBit],
  }
  const returning: readonly unknown[] = [testAndSetBit, testAndClearBit, testAndChangeBit, testAndSetBitLock]
  for (const [change, operations] of Object.entries(changes))
    for (const operation of operations)
      for (const nr of [0, 1, 30, 31, 32, 63])
        for (const before of [false, true])
          for (const others of [0, -1]) {
            const bit = 1 << (nr % 32)
            const mine = before ? others | bit : others & ~bit
            const word = 1 + (nr >> 5)
            const w = cells(7, others, others, 7)
            w[word] = mine
            const returned = operation(w, 1, nr)
            const after = change === 'set' || (change === 'flip' && !before)
            const expected = cells(7, others, others, 7)
            expected[word] = after ? others | bit : others & ~bit
            if (returned !== (returning.includes(operation) ? before : undefined) || String(w) !== String(expected))
              t.fail(`${operation.name} ${nr}: ${returned}, ${w}, not ${expected}`)
            if (bitops.testBit(w, 1, nr) !== after || bitops.testBitAcquire(w, 1, nr) !== after) t.fail(`test ${nr}`)
          }
})

t.test('unlocking a bit that is not locked violates CNT', async t => {
  const builder = new ArenaBuilder()
  const cpus = cpuRegion(builder, 1)
  const cpu = new Cpu(builder.build().words, cpus, 0)
  cpu.run()
  t.equal(bitops.bitSpinTrylock(cpu, 0, 3), true)
  t.equal(bitops.bitSpinTrylock(cpu, 0, 3), false)
  bitops.bitSpinUnlock(cpu, 0, 3)
  bitops.bitSpinLock(cpu, 0, 3)
  bitops.__bitSpinUnlock(cpu, 0, 3)
  for (const unlock of [bitops.bitSpinUnlock, bitops.__bitSpinUnlock])
    t.equal(
      oracleOf(() => unlock(cpu, 0, 3)),
      'CNT',
    )
})

t.test('a page lock: one holder, and who unlocks takes the mark of the waiters away', async t => {
  const w = cells(0, 0)
  pageLock(w, 0)
  t.equal(pageTrylock(w, 0), false)
  bitops.setBit(w, PAGE_LOCK.flags, PG_WAITERS)
  pageUnlock(w, 0)
  t.same([bitops.testBit(w, 0, PG_LOCKED), bitops.testBit(w, 0, PG_WAITERS)], [false, false])
  t.equal(w[PAGE_LOCK.wakes], 1)
  pageLock(w, 0)
  pageUnlock(w, 0)
  t.equal(w[PAGE_LOCK.wakes], 1, 'nobody waited, nobody is woken')
  t.equal(
    oracleOf(() => pageUnlock(w, 0)),
    'CNT',
  )
})

t.test('compare-and-swap loops', async t => {
  const w = cells(0b1010_0110)
  t.equal(setMaskBits(w, 0, 0b1111, 0b1001), 0b1010_0110)
  t.equal(w[0], 0b1010_1001)
  t.equal(bitClearUnless(w, 0, 0b1000, 0b0001), false)
  t.equal(bitClearUnless(w, 0, 0b1000, 0b0100), true)
  t.equal(w[0], 0b1010_0001)
  const count = cells(1)
  t.same([atomicIncBelow(count, 0, 3), atomicIncBelow(count, 0, 3), atomicIncBelow(count, 0, 3)], [true, true, false])
  t.equal(count[0], 3)
})

t.test('a split counter: what is common, what is not yet, and the sum of both', async t => {
  const builder = new ArenaBuilder()
  const cpus = cpuRegion(builder, 2)
  const image = percpuCounterRegion(builder, 'counter', { cpus: 2, batch: 4 })
  const { words } = builder.build()
  const [a, b] = [0, 1].map(id => new PercpuCounter(new Cpu(words, cpus, id), image))
  a!.add(3)
  b!.add(-3)
  b!.add(2)
  t.same([a!.read(), a!.sum()], [0, 2], 'less than a batch each')
  a!.add(1)
  t.same([b!.read(), b!.sum()], [4, 3], 'a batch is moved as a whole')
  b!.add(-100)
  t.same([a!.read(), a!.sum()], [-97, -97])
  t.equal(percpuCounterError(image), 6)
  t.ok(a!.compare(-100) > 0 && a!.compare(-90) < 0 && a!.compare(1000) < 0)
  t.equal(a!.compare(-97), 0)
  t.throws(() => percpuCounterRegion(new ArenaBuilder(), 'counter', { cpus: 1, batch: 0 }), RangeError)
})
