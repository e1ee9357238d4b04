/**
 * RCU of any flavour under rcutorture's load. A writer replaces a current element again and again; each replaced element
 * goes through a pipeline and ages by one with every grace period. A reader that holds an element while its age goes
 * beyond one was not waited for. Elements are recycled and never unmapped, so that a violation is counted and nothing
 * crashes.
 */
import { violated } from '../../lib/check/oracle.ts'
import { ArenaBuilder, objectAt } from '../../lib/shm/arena.ts'
import { cpuRegion } from '../../lib/shm/cpu.ts'
import type { CheckContext, Conclusion, ParamSpecs, RunContext } from '../../torture/scenario.ts'
import { Barrier, Flooder } from './rcu-callbacks.ts'
import { Local, type Open, type Shared, type Suite } from './rcu-flavour.ts'
import { CURRENT, ELEMENT, ELEMENTS, Reader, Writer } from './rcu-pipeline.ts'

const REPORT_EVERY = 256

type Context<L> = RunContext<Shared, ParamSpecs, L>

function begin(local: Local, count: Context<Local>['count']): void {
  local.cpu.run()
  // The first counter named is the work that is reported, of a run that ends at once, too.
  count('reads', 0)
}

function runWriter({ local, more, count, random }: Context<Writer>): number[] {
  begin(local, count)
  const began = local.rcu.gracePeriods()
  let reported = 0
  while (more()) {
    local.update()
    local.cpu.delay(random.below(64))
    if (local.updates - reported >= REPORT_EVERY) {
      count('updates', local.updates - reported)
      reported = local.updates
    }
  }
  local.audit()
  local.cpu.offline()
  count('updates', local.updates - reported)
  count('callbacks', local.callbacks)
  const periods = local.rcu.gracePeriods() - began
  count('grace periods', periods)
  return [local.updates, periods]
}

function runFakeWriter({ local, more, count, random }: Context<Local>): number[] {
  begin(local, count)
  let invoked = 0
  const invoke = (): void => {
    invoked++
  }
  while (more()) {
    if (random.oneIn(3)) local.rcu.call(invoke, 0)
    else local.awaitGracePeriod()
    local.rcu.poll()
    local.cpu.linger(random.below(256))
  }
  local.rcu.barrier()
  local.cpu.offline()
  count('callbacks', invoked)
  return []
}

function runReader({ local, more, count, near }: Context<Reader>): number[] {
  begin(local, count)
  let reported = 0
  while (more()) {
    const { close } = local
    local.read()
    if (local.close > close) near('a reader saw two grace periods end')
    if (local.reads - reported >= REPORT_EVERY) {
      count('reads', local.reads - reported)
      reported = local.reads
    }
  }
  local.cpu.offline()
  count('reads', local.reads - reported)
  count('spanned', local.spanned)
  return [local.reads, local.spanned]
}

function runFlooder({ local, more, count, random }: Context<Flooder>): number[] {
  begin(local, count)
  while (more()) {
    local.flood()
    local.cpu.linger(random.below(4096))
  }
  local.rcu.barrier()
  local.cpu.offline()
  count('callbacks', local.invoked)
  count('floods', local.tries)
  return [local.tries, local.valid]
}

function runBarrier({ local, more, count, random }: Context<Barrier>): number[] {
  begin(local, count)
  while (more()) {
    local.test()
    local.cpu.linger(random.below(1024))
  }
  local.cpu.offline()
  count('barriers', local.tries)
  return [local.tries]
}

const pause = (local: Local): void => local.cpu.idle()
const resume = (local: Local): void => local.cpu.run()

/** A scenario but for its name and summary. */
export const gracePeriods = <I>(suite: Suite<I>) => ({
  tags: ['sync', 'rcu', 'kernel'],
  params: {
    longReadEvery: { default: 20000, min: 1, describe: 'one read segment in so many, times the readers, is long' },
    longReadMs: { default: 20, min: 1, max: 2000, describe: 'length of a long one in milliseconds' },
    shortReadEvery: { default: 400, min: 1, describe: 'one in so many, times the readers, spins 0.2 ms or yields' },
    floodCallbacks: { default: 1000, min: 100, describe: 'callbacks of one flood' },
    floodMs: { default: 4000, min: 1, describe: 'milliseconds in which all of a flood must have run' },
  },
  setup: ({ threads }: { threads: Readonly<Record<string, number>> }): Shared => {
    const builder = new ArenaBuilder()
    const count = Object.values(threads).reduce((sum, n) => sum + n, 0)
    const cpus = cpuRegion(builder, count)
    const image = suite.reserve(builder, count)
    const elements = builder.region('element', ELEMENT, ELEMENTS, { ownLines: true })
    const current = builder.region('current', CURRENT, 1)
    const arena = builder.build()
    Atomics.store(arena.words, current.base + CURRENT.element, objectAt(elements, 0))
    return { arena, cpus, image, elements, current }
  },
  threads: {
    writer: { count: 1, open: (context: Open) => new Writer(context, suite), pause, resume, run: runWriter },
    fakewriter: { count: 2, open: (context: Open) => new Local(context, suite), pause, resume, run: runFakeWriter },
    reader: {
      count: 'cpus' as const,
      open: (context: Open) => new Reader(context, suite),
      pause,
      resume,
      run: runReader,
    },
    flooder: { count: 1, open: (context: Open) => new Flooder(context, suite), pause, resume, run: runFlooder },
    barrier: { count: 1, open: (context: Open) => new Barrier(context, suite), pause, resume, run: runBarrier },
  },
  // As rcutorture doubts itself: a test that is tried again and again and never comes about tests nothing.
  check: ({ threads, count }: CheckContext<Shared, any>) => {
    for (const [tries, valid] of threads.flooder ?? []) {
      count('valid floods', valid)
      if (tries >= 5 && valid === 0) violated('CNT', `tested 0 of ${tries} floods`)
    }
  },
  inconclusive: ({ counters }: Conclusion) => {
    if (!counters['grace periods']) return 'no grace period completed'
    if (!counters.spanned) return `0 of ${counters.reads} reads held an element while it was replaced`
    return undefined
  },
})
