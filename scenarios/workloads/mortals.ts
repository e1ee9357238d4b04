/**
 * The workload of ends: address spaces that are forked, used, and end, or are killed and reaped meanwhile. Threads go
 * from one to another all the time, and between them to kernel work, for which they leave loaded what they have.
 */
import { mmdrop, mmgrabNotZero } from '../../lib/mm/call/mm-life.ts'
import { oomReap, REAP_BUSY, REAPED } from '../../lib/mm/call/oom-reaper.ts'
import { MMF_OOM_SKIP } from '../../lib/mm/layout.ts'
import type { Conclusion, OpenContext, ParamValues, Random, RunContext, Scenario } from '../../torture/scenario.ts'
import { audited, rests } from './ends.ts'
import {
  burst,
  change,
  endOne,
  specs as familySpecs,
  forkOne,
  type Local,
  open,
  type Shared,
  setup,
  wander,
} from './families.ts'
import { Tally } from './tally.ts'

const specs = {
  ...familySpecs,
  fork: { ...familySpecs.fork, describe: 'weight of fork among what threads do' },
  use: { default: 8, min: 0, max: 1000, describe: 'weight of going to an address space and using it' },
  kernel: { default: 6, min: 0, max: 1000, describe: 'weight of kernel work, with the address space left loaded' },
  spins: { default: 30, min: 1, max: 100000, describe: 'spins of kernel work at the most' },
  pace: { default: 300, min: 1, max: 1000000, describe: 'spins of the reaper between two victims at the most' },
  kill: {
    default: 50,
    min: 0,
    max: 100,
    describe:
      'share of the processes met that the reaper has killed, in percent; of the others it reaps those that end',
  },
  levels: { ...familySpecs.levels, default: 3 },
} as const

type Params = ParamValues<typeof specs>
type Context = RunContext<Shared, typeof specs, Local>

/** In `alive`: the process was killed, and whoever finds out first ends it. */
const KILLED = 2

/** Tries that the reaper makes before it gives a victim up, as in Linux. */
const REAP_TRIES = 10

function live({ shared, params, local, more, count, random }: Context): void {
  const { task } = local
  const tally = new Tally(task, count)
  const changes = params.protect + params.drop + params.remap
  const weights = [params.use, params.kernel, params.fork, params.exit, changes]
  task.begin()
  // The first counter named is the work that is reported.
  count('forks', 0)
  while (more()) {
    endKilled(shared, local, count)
    const draw = pick(weights, random)
    if (draw === 0 && wander(local)) use(shared, local, params, tally, count)
    else if (draw === 1 && workInKernel(local, params, count)) use(shared, local, params, tally, count)
    else if (draw === 2) forkOne(shared, local, params, tally, count)
    else if (draw === 3) endSome(shared, local, count)
    else if (draw === 4 && wander(local)) tally.changed(change(local, params, random.below(changes)))
    task.k.rcu.poll()
    tally.sometimes()
  }
  // A round ends with the first address space alone.
  for (let id = 1; id < shared.alive.length; id++) endOne(shared, task, id)
  task.end()
  tally.report()
}

/** Number of one of the weights, each as likely as it is heavy. */
function pick(weights: readonly number[], random: Random): number {
  let draw = random.below(Math.max(1, sum(weights)))
  return weights.findIndex(weight => {
    draw -= weight
    return draw < 0
  })
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0)

function use(shared: Shared, local: Local, params: Params, tally: Tally, count: Context['count']): void {
  const { task } = local
  if (burst(local, params, tally)) return
  count('killed', 1)
  // The signal has arrived: the process ends, if nobody was faster, and the thread goes on as one of another.
  if (endOne(shared, task, task.home)) count('exits', 1)
  task.switchMm(0)
}

/** Kernel work; then back to the address space that is still loaded, mostly, and if it still exists. */
function workInKernel({ task, lineage, random }: Local, params: Params, count: Context['count']): boolean {
  const { kept, flushed } = task.comebacks
  const { home } = task
  task.enterLazy()
  task.k.cpu.delay(random.below(params.spins))
  if (random.oneIn(4) || !task.switchMm(home)) task.switchMm(random.below(task.k.mms.length))
  // The first address space always exists.
  if (task.isLazy || !lineage.arrive()) task.switchMm(0)
  count('lazy', 1)
  if (task.comebacks.kept > kept) count('lazy.kept', 1)
  if (task.comebacks.flushed > flushed) count('lazy.flushed', 1)
  return lineage.arrive()
}

function endSome(shared: Shared, { task, random }: Local, count: Context['count']): void {
  if (shared.alive.length > 1 && endOne(shared, task, 1 + random.below(shared.alive.length - 1))) count('exits', 1)
}

/** Whoever was killed ends, in whichever thread finds out. */
function endKilled(shared: Shared, { task }: Local, count: Context['count']): void {
  for (let id = 1; id < shared.alive.length; id++)
    if (Atomics.load(shared.alive, id) === KILLED && endOne(shared, task, id)) count('exits', 1)
}

/** The OOM killer and its reaper, which runs in the kernel alone and has whatever address space is loaded. */
function reap({ shared, params, local, more, count, random }: Context): void {
  const { task } = local
  task.begin()
  task.enterLazy()
  while (more()) {
    if (shared.alive.length > 1) reapOne(shared, params, local, 1 + random.below(shared.alive.length - 1), count)
    task.k.cpu.delay(random.below(params.pace))
    task.k.rcu.poll()
  }
  task.end()
}

function reapOne({ alive }: Shared, params: Params, local: Local, id: number, count: Context['count']): void {
  const { k } = local.task
  const mm = k.mms[id]
  if (Atomics.load(k.w, mm.flags) & MMF_OOM_SKIP) return
  if (Atomics.load(k.w, mm.users) > 0 && local.random.below(100) >= params.kill) return
  // Only the struct is kept. It may be anybody's by now, or of a process that ends already: that one is reaped as well.
  if (!mmgrabNotZero(k, mm)) return
  if (Atomics.compareExchange(alive, id, 1, KILLED) === 1) count('kills', 1)
  let result = oomReap(k, mm)
  for (let n = 1; n < REAP_TRIES && result === REAP_BUSY; n++) {
    k.cpu.relax(n)
    result = oomReap(k, mm)
  }
  mmdrop(k, mm)
  count(result === REAPED ? 'reaped' : result === REAP_BUSY ? 'reap.busy' : 'reap.skipped', 1)
}

/** What must have happened for a run to mean something. */
const ESSENTIAL = ['forks', 'exits', 'reaped', 'reap.skipped', 'killed', 'lazy.kept', 'lazy.flushed']

function untested({ counters }: Conclusion): string | undefined {
  const missing = ESSENTIAL.filter(name => (counters[name] ?? 0) === 0)
  return missing.length === 0 ? undefined : `never counted: ${missing.join(', ')}`
}

const body = {
  open: (context: OpenContext<Shared, typeof specs>) => open(context),
  ...rests,
}

export function mortalScenario(about: Pick<Scenario, 'name' | 'summary'>): Scenario<Shared, typeof specs> {
  return {
    ...about,
    tags: ['mm'],
    params: specs,
    inconclusive: untested,
    setup: context => setup(context),
    threads: {
      user: { count: 2, ...body, run: live },
      reaper: { count: 1, ...body, run: reap },
    },
    ...audited,
  }
}
