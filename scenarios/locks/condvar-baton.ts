/**
 * A baton goes round by a condition variable: each thread waits until it is its turn, and tells all that it is the
 * next one's. One can go on at any time, so that if its wake-up is lost nobody will. Those told are moved to the mutex,
 * one of them woken: who is woken in vain must see to it that the next one is.
 */
import { violated } from '../../lib/check/oracle.ts'
import { ArenaBuilder, type ArenaImage, type Region } from '../../lib/shm/arena.ts'
import { Cpu, cpuRegion } from '../../lib/shm/cpu.ts'
import { struct } from '../../lib/shm/layout.ts'
import { CONDITION, Condition } from '../../lib/sync/condition.ts'
import { Futex, type FutexImage, futexRegion } from '../../lib/sync/futex.ts'
import { MUTEX, Mutex } from '../../lib/sync/mutex.ts'
import { defineScenario, type RunContext } from '../../torture/scenario.ts'

const BATON = struct('baton', {
  mutex: { struct: MUTEX, describe: 'over the turn' },
  passed: { struct: CONDITION, describe: 'the turn has changed' },
  turn: 'whose turn it is; -1: it is over',
})

interface Shared {
  readonly arena: ArenaImage
  readonly cpus: Region
  readonly futex: FutexImage
  readonly baton: Region
}

interface Runner {
  readonly cpu: Cpu
  readonly mutex: Mutex
  readonly passed: Condition
}

const OVER = -1

/** Waits for the turn of this thread and passes it on; false: it is over. */
function pass({ shared, local: { mutex, passed }, thread, threads, more }: RunContext<Shared, any, Runner>): boolean {
  const w = shared.arena.words
  const at = shared.baton.base + BATON.turn
  const goesOn = more()
  mutex.lock()
  let turn = Atomics.load(w, at, 'relaxed')
  for (; turn !== thread && turn !== OVER; turn = Atomics.load(w, at, 'relaxed')) passed.wait(mutex)
  if (turn === thread) Atomics.store(w, at, goesOn ? (thread + 1) % threads.runner : OVER, 'relaxed')
  passed.broadcast(mutex)
  mutex.unlock()
  return turn !== OVER && goesOn
}

export default defineScenario({
  name: 'condvar-baton',
  summary: 'a baton goes round by broadcasts of a condition variable: it never stops',
  tags: ['sync', 'lockless'],
  params: {},
  roundMs: 250,
  setup: ({ threads }): Shared => {
    const builder = new ArenaBuilder()
    const cpus = cpuRegion(builder, threads.runner)
    const futex = futexRegion(builder, threads.runner)
    const baton = builder.region('baton', BATON, 1)
    return { arena: builder.build(), cpus, futex, baton }
  },
  threads: {
    runner: {
      count: 3,
      open: ({ shared: { arena, cpus, futex: image, baton }, thread }): Runner => {
        const cpu = new Cpu(arena.words, cpus, thread)
        const futex = new Futex(cpu, image)
        return {
          cpu,
          mutex: new Mutex(cpu, futex, baton.base + BATON.mutex),
          passed: new Condition(cpu, futex, baton.base + BATON.passed),
        }
      },
      pause: ({ cpu }) => cpu.idle(),
      resume: ({ cpu }) => cpu.run(),
      run: context => {
        context.local.cpu.run()
        let turns = 0
        while (pass(context)) turns++
        context.local.cpu.offline()
        context.count('turns', turns)
        return turns
      },
    },
  },
  check: ({ threads }) => {
    const turns = threads.runner as readonly number[]
    if (Math.max(...turns) - Math.min(...turns) > 1) violated('CNT', `turns are not equal: ${turns.join(', ')}`)
  },
})
