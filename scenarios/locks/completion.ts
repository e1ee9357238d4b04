/**
 * Completions as the kernel uses them: on the stack of who waits. A requester posts a request, waits until a worker has
 * completed it, looks at the result, and uses the completion's memory for something else at once. The worker must be
 * through with it by then.
 */
import { violated } from '../../lib/check/oracle.ts'
import { ArenaBuilder, type ArenaImage, objectAt, POISON, type Region } from '../../lib/shm/arena.ts'
import { Cpu, cpuRegion } from '../../lib/shm/cpu.ts'
import { struct } from '../../lib/shm/layout.ts'
import { COMPLETION, Completion, completionWaiterRegion } from '../../lib/sync/completion.ts'
import { defineScenario, type Random, type RunContext } from '../../torture/scenario.ts'

const REQUEST = struct('request', {
  state: '0 none, 1 posted, 2 taken by a worker',
  argument: 'what is asked for',
  result: 'the argument + 1, once it is done',
  completion: { struct: COMPLETION, describe: 'of this request; something else once it is done' },
})
const OFFICE = struct('office', { left: 'requesters that have left' })

const NONE = 0
const POSTED = 1
const TAKEN = 2

/** Words of a completion. */
const WORDS = Object.values(COMPLETION).filter(field => typeof field === 'number')

interface Shared {
  readonly arena: ArenaImage
  readonly cpus: Region
  readonly waiters: Region
  readonly office: Region
  readonly requests: Region
}

interface Clerk {
  readonly cpu: Cpu
  /** One for each request. */
  readonly completions: readonly Completion[]
}

type Context = RunContext<Shared, any, Clerk>

const open = ({ shared: { arena, cpus, waiters, requests }, thread }: { shared: Shared; thread: number }): Clerk => {
  const cpu = new Cpu(arena.words, cpus, thread)
  const completions = Array.from(
    { length: requests.count },
    (_, n) => new Completion(cpu, waiters, objectAt(requests, n) + REQUEST.completion),
  )
  return { cpu, completions }
}

/** Posts a request, waits for it in one of the ways there are, and forgets it. */
function ask({ shared: { arena, requests }, local, index, random }: Context, argument: number): void {
  const w = arena.words
  const at = objectAt(requests, index)
  Atomics.store(w, at + REQUEST.argument, argument, 'relaxed')
  Atomics.store(w, at + REQUEST.state, POSTED, 'release')
  awaitDone(local, index, random)
  const result = Atomics.load(w, at + REQUEST.result, 'relaxed')
  if (result !== argument + 1) violated('DATA', `request ${argument} is done, and its result is ${result}`)
  reuse(w, at + REQUEST.completion)
}

function awaitDone({ cpu, completions }: Clerk, index: number, random: Random): void {
  const completion = completions[index]
  const way = random.below(4)
  if (way === 0) for (let n = 0; !completion.isDone(); n++) cpu.relax(n)
  else if (way === 1) for (let n = 0; !completion.tryWait(); n++) cpu.relax(n)
  else completion.wait()
}

/** The memory is the waiter's again: nobody else writes to it. */
function reuse(w: Int32Array, at: number): void {
  for (const word of WORDS) Atomics.store(w, at + word, POISON)
  for (const word of WORDS) {
    const found = Atomics.exchange(w, at + word, 0)
    if (found !== POISON) violated('GEN', `a completion was written to after it was done: ${found}`)
  }
}

/** Does what is asked for, if something is. */
function serve({ shared: { arena, requests }, local, random }: Context): boolean {
  const w = arena.words
  const n = random.below(requests.count)
  const at = objectAt(requests, n)
  if (Atomics.load(w, at + REQUEST.state, 'acquire') !== POSTED) return false
  if (Atomics.compareExchange(w, at + REQUEST.state, POSTED, TAKEN) !== POSTED) return false
  const argument = Atomics.load(w, at + REQUEST.argument, 'relaxed')
  Atomics.store(w, at + REQUEST.result, argument + 1, 'relaxed')
  Atomics.store(w, at + REQUEST.state, NONE, 'relaxed')
  if (random.oneIn(4)) local.completions[n].completeAll()
  else local.completions[n].complete()
  return true
}

const pause = ({ cpu }: Clerk): void => cpu.idle()
const resume = ({ cpu }: Clerk): void => cpu.run()

export default defineScenario({
  name: 'completion',
  summary: 'completions on the stack of who waits: nobody touches one any more once it is done',
  tags: ['sync', 'lockless', 'kernel'],
  params: {},
  roundMs: 250,
  setup: ({ threads }): Shared => {
    const builder = new ArenaBuilder()
    const count = threads.requester + threads.worker
    const cpus = cpuRegion(builder, count)
    const waiters = completionWaiterRegion(builder, count)
    const office = builder.region('office', OFFICE, 1, { ownLines: true })
    const requests = builder.region('request', REQUEST, threads.requester, { ownLines: true })
    return { arena: builder.build(), cpus, waiters, office, requests }
  },
  threads: {
    requester: {
      count: 2,
      open,
      pause,
      resume,
      run: context => {
        const { shared, local, more, count } = context
        local.cpu.run()
        let asked = 0
        while (more()) ask(context, asked++)
        Atomics.add(shared.arena.words, shared.office.base + OFFICE.left, 1)
        local.cpu.offline()
        count('requests', asked)
        return asked
      },
    },
    worker: {
      count: 1,
      open,
      pause,
      resume,
      run: context => {
        const { shared, local, threads, more } = context
        const left = shared.office.base + OFFICE.left
        let served = 0
        local.cpu.run()
        for (let n = 0; Atomics.load(shared.arena.words, left) < threads.requester; n++) {
          // For its heartbeat: it is the requesters who decide when it is over.
          more()
          if (serve(context)) {
            served++
            n = 0
          } else local.cpu.relax(n)
        }
        local.cpu.offline()
        return served
      },
    },
  },
  check: ({ threads }) => {
    const sum = (all: readonly number[]) => all.reduce((total, n) => total + n, 0)
    const [asked, served] = [sum(threads.requester), sum(threads.worker)]
    if (asked !== served) violated('CNT', `${asked} requests, and ${served} served`)
  },
})
