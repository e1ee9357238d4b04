/** SRCU: whom a grace period waits for, step by step; sections sleep, overlap, and end elsewhere. */
import t from 'tap'
import { ArenaBuilder } from '../lib/shm/arena.ts'
import { Cpu, cpuRegion } from '../lib/shm/cpu.ts'
import { Srcu, srcuRegion } from '../lib/sync/srcu.ts'
import { violationOf } from './helpers/memory.ts'

/** Handles of so many CPUs, all on this thread: what another one does meanwhile is done between two calls. */
function machine(count: number): { cpus: Cpu[]; srcus: Srcu[]; other: Srcu } {
  const builder = new ArenaBuilder()
  const region = cpuRegion(builder, count)
  const image = srcuRegion(builder, count)
  const second = srcuRegion(builder, count)
  const { words } = builder.build()
  const cpus = Array.from({ length: count }, (_, id) => new Cpu(words, region, id))
  for (const cpu of cpus) cpu.run()
  return { cpus, srcus: cpus.map(cpu => new Srcu(cpu, image)), other: new Srcu(cpus[0], second) }
}

/** Polls until it would have ended if it could. */
function hasEnded(srcu: Srcu, cookie: number): boolean {
  for (let n = 0; n < 20; n++) if (srcu.polled(cookie)) return true
  return false
}

t.test('a grace period waits for the sections that were open, and for no other', async t => {
  const [early, late, updater] = machine(3).srcus
  const first = early.readLock()
  const cookie = updater.startPoll()
  t.equal(hasEnded(updater, cookie), false)
  const second = late.readLock()
  early.readUnlock(first)
  t.equal(hasEnded(updater, cookie), true, 'the other one opened while it was under way')
  const next = updater.startPoll()
  t.equal(hasEnded(updater, next), false)
  late.readUnlock(second)
  t.equal(hasEnded(updater, next), true)
  t.equal(updater.gracePeriods(), 2)
  t.equal(updater.readers(), 0)
})

t.test('readers that come and go do not hold a grace period up', async t => {
  const [reader, updater] = machine(2).srcus
  let section = reader.readLock()
  const cookie = updater.startPoll()
  t.equal(updater.polled(cookie), false)
  // Always in a section, and never in the same one.
  for (let n = 0; n < 4 && !updater.polled(cookie); n++) {
    const next = reader.readLock()
    reader.readUnlock(section)
    section = next
  }
  t.equal(updater.polled(cookie), true)
  reader.readUnlock(section)
})

t.test('who comes while a grace period is under way waits for the next one', async t => {
  const [reader, updater] = machine(2).srcus
  const first = reader.readLock()
  const cookie = updater.startPoll()
  updater.polled(cookie)
  const second = reader.readLock()
  const later = updater.startPoll()
  reader.readUnlock(first)
  t.equal(hasEnded(updater, cookie), true)
  t.equal(hasEnded(updater, later), false)
  reader.readUnlock(second)
  t.equal(hasEnded(updater, later), true)
})

t.test('a section may sleep, and may be closed on another CPU', async t => {
  const { cpus, srcus } = machine(3)
  const [reader, closer, updater] = srcus
  const section = reader.readLock()
  cpus[0].idle()
  const cookie = updater.startPoll()
  t.equal(hasEnded(updater, cookie), false, 'a sleeping reader is waited for')
  closer.readUnlock(section)
  t.equal(hasEnded(updater, cookie), true)
  t.equal(updater.readers(), 0)
})

t.test('a domain waits for its own readers only', async t => {
  const { srcus, other } = machine(2)
  srcus[0].readLock()
  other.synchronize()
  t.equal(other.gracePeriods(), 1)
  t.equal(srcus[1].gracePeriods(), 0)
})

t.test(
  'callbacks run after the sections that were open, on the thread that asked; a barrier waits for all',
  async t => {
    const [reader, updater] = machine(2).srcus
    const ran: number[] = []
    const run = (arg: number): void => {
      ran.push(arg)
    }
    const section = reader.readLock()
    updater.call(run, 1)
    updater.call(run, 2)
    for (let n = 0; n < 100; n++) updater.poll()
    t.same(ran, [])
    t.equal(updater.pending, 2)
    reader.readUnlock(section)
    for (let n = 0; n < 100; n++) updater.poll()
    t.same(ran, [1, 2])
    const again = (left: number): void => {
      if (left > 0) updater.call(again, left - 1)
      ran.push(left)
    }
    updater.call(again, 3)
    updater.barrier()
    t.same(ran, [1, 2, 3, 2, 1, 0])
    updater.call(() => updater.barrier(), 0)
    t.equal(violationOf(() => updater.barrier())?.oracle, 'HANG', 'but not for itself')
  },
)

t.test('one grace period serves many callbacks', async t => {
  const [updater] = machine(1).srcus
  let ran = 0
  for (let n = 0; n < 500; n++)
    updater.call(() => {
      ran++
    }, n)
  updater.synchronize()
  t.equal(ran, 500)
  t.equal(updater.gracePeriods(), 1)
})
