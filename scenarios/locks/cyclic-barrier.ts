/**
 * A cyclic barrier: phases are never mixed. In each phase a thread writes the number of the phase, arrives, and looks
 * at what the others have written: the same number, or the next one if they are ahead already, never an older one.
 */
import { violated } from '../../lib/check/oracle.ts'
import { ArenaBuilder, type ArenaImage, objectAt, type Region } from '../../lib/shm/arena.ts'
import { Cpu, cpuRegion } from '../../lib/shm/cpu.ts'
import { struct } from '../../lib/shm/layout.ts'
import { BARRIER, Barrier } from '../../lib/sync/barrier.ts'
import { Futex, type FutexImage, futexRegion } from '../../lib/sync/futex.ts'
import { defineScenario, type RunContext } from '../../torture/scenario.ts'

const MEETING = struct('meeting', {
  barrier: { struct: BARRIER, describe: 'the barrier under test' },
  end: 'the phase that is the last one; 0: not known yet',
})
const PARTY = struct('party', { phase: 'the phase that the thread is in' })

interface Shared {
  readonly arena: ArenaImage
  readonly cpus: Region
  readonly futex: FutexImage
  readonly meeting: Region
  readonly parties: Region
}

interface Party {
  readonly cpu: Cpu
  readonly barrier: Barrier
}

type Context = RunContext<Shared, any, Party>

/** One phase; returns whether this thread was the last to arrive. */
function meet({ shared: { arena, parties }, local: { barrier }, thread, threads }: Context, phase: number): boolean {
  const w = arena.words
  Atomics.store(w, objectAt(parties, thread) + PARTY.phase, phase, 'relaxed')
  const last = barrier.arrive()
  for (let n = 0; n < threads.party; n++) {
    const theirs = Atomics.load(w, objectAt(parties, n) + PARTY.phase, 'relaxed')
    if (theirs !== phase && theirs !== phase + 1)
      violated('DATA', `after the barrier of phase ${phase} a thread is in phase ${theirs}`)
  }
  return last
}

export default defineScenario({
  name: 'cyclic-barrier',
  summary: 'a sense-reversing barrier, used again and again: phases are never mixed',
  tags: ['sync', 'lockless'],
  params: { late: { default: 64, min: 0, describe: 'turns of an empty loop before a thread arrives, at most' } },
  roundMs: 250,
  setup: ({ threads }): Shared => {
    const builder = new ArenaBuilder()
    const cpus = cpuRegion(builder, threads.party)
    const futex = futexRegion(builder, threads.party)
    const meeting = builder.region('meeting', MEETING, 1, { ownLines: true })
    const parties = builder.region('party', PARTY, threads.party, { ownLines: true })
    return { arena: builder.build(), cpus, futex, meeting, parties }
  },
  threads: {
    party: {
      count: 3,
      open: ({ shared: { arena, cpus, futex, meeting }, thread, threads }): Party => {
        const cpu = new Cpu(arena.words, cpus, thread)
        const at = meeting.base + MEETING.barrier
        return { cpu, barrier: new Barrier(cpu, new Futex(cpu, futex), at, threads.party) }
      },
      pause: ({ cpu }) => cpu.idle(),
      resume: ({ cpu }) => cpu.run(),
      run: context => {
        const { shared, local, params, thread, random, more, count } = context
        const w = shared.arena.words
        const end = shared.meeting.base + MEETING.end
        let wasLast = 0
        let phase = 1
        local.cpu.run()
        for (; ; phase++) {
          // One thread decides, and says so before it arrives: so all know after the barrier.
          if (!more() && thread === 0) Atomics.store(w, end, phase, 'relaxed')
          local.cpu.delay(random.below(params.late + 1))
          if (meet(context, phase)) wasLast++
          if (Atomics.load(w, end, 'relaxed') === phase) break
        }
        local.cpu.offline()
        if (thread === 0) count('phases', phase)
        return [phase, wasLast]
      },
    },
  },
  check: ({ threads }) => {
    const parties = threads.party as readonly (readonly [number, number])[]
    const [[phases]] = parties
    const lasts = parties.reduce((sum, [, wasLast]) => sum + wasLast, 0)
    if (parties.some(([n]) => n !== phases)) violated('CNT', `${parties.map(([n]) => n).join(', ')} phases`)
    if (lasts !== phases) violated('CNT', `of ${phases} phases ${lasts} had a last one to arrive`)
  },
})
