import t from 'tap'
import { OracleViolation } from '../lib/check/oracle.ts'
import { ArenaBuilder } from '../lib/shm/arena.ts'
import { Cpu, cpuRegion } from '../lib/shm/cpu.ts'
import { Rcu, rcuRegion } from '../lib/sync/rcu.ts'
import { load } from './helpers/threads.ts'

/** Handles of so many CPUs, all on this thread: what another one does meanwhile is done between two calls. */
function machine(count: number, stallMs?: number): { cpus: Cpu[]; rcus: Rcu[] } {
  const builder = new ArenaBuilder()
  const region = cpuRegion(builder, count)
  const image = rcuRegion(builder, count)
  const { words } = builder.build()
  const cpus = Array.from({ length: count }, (_, id) => new Cpu(words, region, id))
  for (const cpu of cpus) cpu.run()
  return { cpus, rcus: cpus.map(cpu => new Rcu(cpu, image, stallMs)) }
}

function violationOf(act: () => void): OracleViolation {
  try {
    act()
  } catch (error) {
    if (error instanceof OracleViolation) return error
    throw error
  }
  throw new Error('nothing was violated')
}

/** Polls until `poll` must have looked at the machine several times. */
function pollOften(rcu: Rcu): void {
  for (let n = 0; n < 100; n++) rcu.poll()
}

t.test('a callback runs after the sections that were open, in order, and on the thread that asked', async t => {
  const [reader, updater] = machine(2).rcus
  const ran: number[] = []
  const run = (arg: number): void => {
    ran.push(arg)
  }
  reader.readLock()
  updater.call(run, 1)
  updater.call(run, 2.5)
  pollOften(updater)
  t.same(ran, [], 'a section is open')
  t.equal(updater.pending, 2)
  reader.readUnlock()
  pollOften(reader)
  t.same(ran, [], 'not on another thread')
  pollOften(updater)
  t.same(ran, [1, 2.5])
  t.equal(updater.pending, 0)
})

t.test('a nested section ends with its outermost', async t => {
  const [reader, updater] = machine(2).rcus
  reader.readLock()
  reader.readLock()
  const cookie = updater.startPoll()
  reader.readUnlock()
  t.equal(updater.polled(cookie), false)
  t.equal(reader.isReading(), true)
  reader.readUnlock()
  t.equal(updater.polled(cookie), true)
  t.equal(violationOf(() => reader.readUnlock()).oracle, 'CNT', 'nothing is left to close')
})

t.test('a grace period does not wait for sections that open after it began', async t => {
  const [early, late, updater] = machine(3).rcus
  early.readLock()
  const cookie = updater.startPoll()
  t.equal(updater.polled(cookie), false)
  late.readLock()
  early.readUnlock()
  early.readLock()
  t.equal(updater.polled(cookie), true, 'the same CPU in another section included')
})

t.test('who comes while a grace period is under way waits for the next one', async t => {
  const [early, late, updater] = machine(3).rcus
  early.readLock()
  const first = updater.startPoll()
  updater.polled(first)
  // Not waited for by the period under way; may hold what is unlinked now.
  late.readLock()
  const second = updater.startPoll()
  early.readUnlock()
  t.equal(updater.polled(first), true)
  t.equal(updater.polled(second), false)
  t.equal(updater.gracePeriods(), 1)
  late.readUnlock()
  t.equal(updater.polled(second), true)
  t.equal(updater.gracePeriods(), 2)
})

t.test('one grace period serves the callbacks of all', async t => {
  const { rcus } = machine(3)
  let ran = 0
  for (const rcu of rcus)
    for (let n = 0; n < 50; n++)
      rcu.call(() => {
        ran++
      }, n)
  rcus[0].synchronize()
  for (const rcu of rcus) pollOften(rcu)
  t.equal(ran, 150)
  t.equal(rcus[0].gracePeriods(), 1)
})

t.test('a barrier waits for callbacks that callbacks make', async t => {
  const [rcu] = machine(2).rcus
  let ran = 0
  const again = (left: number): void => {
    ran++
    if (left > 0) rcu.call(again, left - 1)
  }
  for (let n = 0; n < 100; n++) rcu.call(again, 3)
  rcu.barrier()
  t.equal(ran, 400)
  t.equal(rcu.pending, 0)
  rcu.call(() => rcu.barrier(), 0)
  t.equal(violationOf(() => rcu.barrier()).oracle, 'HANG', 'but not for itself')
})

t.test('callbacks do not pile up without bound', async t => {
  const [rcu] = machine(2).rcus
  let most = 0
  for (let n = 0; n < 20_000; n++) {
    rcu.call(() => {}, n)
    most = Math.max(most, rcu.pending)
  }
  t.ok(most <= 8193, `${most} waited although the owner never polled`)
  most = 0
  for (let n = 0; n < 20_000; n++) {
    rcu.call(() => {}, n)
    rcu.poll()
    if (n > 10_000) most = Math.max(most, rcu.pending)
  }
  t.ok(most <= 257, `${most} waited although it did`)
})

t.test('nobody sleeps or waits for a grace period in a section', async t => {
  const { cpus, rcus } = machine(2, 50)
  const [reader, updater] = rcus
  reader.readLock()
  for (const wrong of [
    () => reader.synchronize(),
    () => reader.barrier(),
    () => reader.assertNotReading(),
    () => {
      reader.call(() => {}, 0)
      pollOften(reader)
    },
  ])
    t.equal(violationOf(wrong).oracle, 'CNT')
  cpus[0].idle()
  const violation = violationOf(() => updater.synchronize())
  t.equal(violation.oracle, 'CNT')
  t.match(violation, { message: /cpu 0 .* parked/, details: { cpu: 0, state: 'parked', nesting: 1 } })
})

t.test('a grace period that does not end names the CPU it waits for', async t => {
  const [, reader, updater] = machine(3, 50).rcus
  for (let n = 0; n < 3; n++) reader.readLock()
  const began = performance.now()
  const violation = violationOf(() => updater.synchronize())
  t.ok(performance.now() - began >= 50)
  t.equal(violation.oracle, 'HANG')
  t.match(violation, { message: /cpu 1 /, details: { cpu: 1, state: 'running', section: 1, nesting: 3 } })
})

t.test('a grace period during which the whole process stood still is not stalled', async t => {
  const [reader, updater] = machine(2, 50).rcus
  reader.readLock()
  const cookie = updater.startPoll()
  for (let n = 0; n < 128; n++) updater.polled(cookie)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 120)
  // Looks again and again and does not like it, but asks for more looks than these before it complains.
  for (let n = 0; n < 512; n++) updater.polled(cookie)
  reader.readUnlock()
  t.equal(updater.polled(cookie), true)
})

t.test('callbacks and synchronize are never early, in parallel', async t => {
  const driver = await load(new URL('./fixtures/rcu-sections.ts', import.meta.url))
  t.teardown(() => driver.remove())
  for (const delayEvery of [0, 4]) {
    const { failures, counters } = await driver.run({ hangMs: 20_000, delayEvery })
    t.same(failures, [])
    t.equal(counters.sections, 300)
    t.ok(counters.early >= 300, 'each of them was tested while the section was open')
  }
})

t.test('under its load', async t => {
  const driver = await load(new URL('../scenarios/rcu/rcu.ts', import.meta.url))
  t.teardown(() => driver.remove())
  for (const [threads, delayEvery] of [
    [{}, 0],
    [{ writer: 1, fakewriter: 0, reader: 1, flooder: 0, barrier: 0 }, 0],
    [{ writer: 1, fakewriter: 1, reader: 4, flooder: 1, barrier: 1 }, 3],
  ] as const) {
    const options = {
      ms: 300,
      seen: ['reads', 'grace periods'],
      hangMs: 15_000,
      threads,
      delayEvery,
      params: { floodCallbacks: 200 },
    }
    const { failures, near, counters } = await driver.run(options)
    t.same([failures, near], [[], []], `${JSON.stringify(threads)}, delays ${delayEvery}`)
    t.ok(counters.reads > 0 && counters['grace periods'] > 0)
  }
})
