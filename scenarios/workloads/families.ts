/**
 * The workload of fork: threads that write to an address space and its descendants, beside threads that fork them and
 * let them end. Each thread knows its own words of every page of every descendant.
 */
import { Lineage } from '../../lib/check/lineage.ts'
import { SharedStamps } from '../../lib/check/stamps.ts'
import { FAULT_SIGBUS } from '../../lib/mm/fault/fault-codes.ts'
import { createMemory, type MemoryImage, PCP_HIGH } from '../../lib/mm/memory.ts'
import { POLICIES, type PolicyName } from '../../lib/mm/policy/policy.ts'
import { Task } from '../../lib/mm/task.ts'
import type { OpenContext, ParamValues, Random, RunContext, Scenario, SetupContext } from '../../torture/scenario.ts'
import { descend } from './dynasties.ts'
import { audited, rests } from './ends.ts'
import { Tally } from './tally.ts'

export const specs = {
  policy: { default: 'vma-lock', choices: [...POLICIES], describe: 'how faults are kept out of the way' },
  pages: { default: 24, min: 4, max: 1024, describe: 'private pages, in two mappings' },
  shared: { default: 4, min: 1, max: 64, describe: 'pages of an object that all descendants share' },
  children: { default: 6, min: 1, max: 24, describe: 'address spaces that may exist beside the first one' },
  writes: { default: 60, min: 0, max: 100, describe: 'share of the accesses that write, in percent' },
  burst: { default: 12, min: 1, max: 1000, describe: 'accesses between two changes of the address space' },
  fork: { default: 4, min: 0, max: 1000, describe: 'weight of fork among what forking threads do' },
  exit: { default: 3, min: 0, max: 1000, describe: 'weight of letting a child end' },
  protect: { default: 2, min: 0, max: 1000, describe: 'weight of mprotect, which splits and merges mappings' },
  drop: { default: 1, min: 0, max: 1000, describe: 'weight of madvise(DONTNEED)' },
  remap: { default: 1, min: 0, max: 1000, describe: 'weight of replacing a mapping' },
  dynasty: { default: 1, min: 0, max: 1000, describe: 'weight of founding a family of several generations' },
  fail: { default: 200, min: 0, max: 1000000, describe: 'one allocation in so many fails on purpose; 0: none' },
  levels: { default: 2, min: 2, max: 5, describe: 'levels of the page tables' },
  pte: { default: 'word', choices: ['word', 'pae'], describe: 'page table entries of one word, or of two' },
} as const

export type Params = ParamValues<typeof specs>

export interface Shared {
  readonly memory: MemoryImage
  /** One word for each address space: 1 while it has the use that came with its fork, which one thread may end. */
  readonly alive: Int32Array
}

export interface Local {
  readonly task: Task
  readonly lineage: Lineage
  readonly sharedStamps: SharedStamps
  readonly random: Random
}

type Context = RunContext<Shared, typeof specs, Local>

const PRIVATE = { write: true, object: 0, offset: 0 }

/** Private pages begin here; the shared ones lie behind them, a gap between. */
const FIRST = 3
const sharedAt = (params: Pick<Params, 'pages' | 'shared'>) => FIRST + params.pages + 2

/** What another workload maps behind the pages of this one, in the first address space. */
export interface Beyond {
  readonly pages: number
  /** Pages of each file. */
  readonly files: readonly number[]
  /** VMAs of each address space. */
  readonly vmas: number
  readonly map: (boot: Task, start: number) => void
}

const NOTHING: Beyond = { pages: 0, files: [], vmas: 0, map: () => {} }

/** First page of what lies behind. */
export const beyondAt = (params: Pick<Params, 'pages' | 'shared'>) => sharedAt(params) + params.shared + 2

export function setup({ params, threads }: SetupContext<typeof specs>, beyond = NOTHING): Shared {
  const cpus = Object.values(threads).reduce((sum, n) => sum + n, 0)
  const mms = 1 + params.children
  const pages = beyondAt(params) + beyond.pages
  const memory = createMemory({
    cpus,
    mms,
    firstMms: 1,
    pages,
    levels: params.levels,
    tableBits: Math.max(3, Math.ceil(Math.log2(pages) / params.levels)),
    pte: params.pte === 'pae' ? 'pae' : 'word',
    frames: 64 + cpus * (PCP_HIGH + 256) + (mms + 1) * (params.pages + beyond.pages) + params.shared,
    vmas: (12 + beyond.vmas) * mms,
    mapCount: 16 + 2 * beyond.vmas,
    objects: [params.shared],
    files: beyond.files,
  })
  const boot = new Task(memory, 0, params.policy as PolicyName)
  boot.begin()
  const middle = FIRST + Math.floor(params.pages / 2)
  boot.mmap(0, FIRST, middle, PRIVATE)
  boot.mmap(0, middle, FIRST + params.pages, PRIVATE)
  boot.mmap(0, sharedAt(params), sharedAt(params) + params.shared, { write: true, object: 1, offset: 0 })
  beyond.map(boot, beyondAt(params))
  boot.end()
  return { memory, alive: new Int32Array(new SharedArrayBuffer(4 * mms)) }
}

export function open({ shared, params, thread, random }: OpenContext<Shared, typeof specs>): Local {
  const task = new Task(shared.memory, thread, params.policy as PolicyName)
  if (params.fail > 0) task.k.shouldFail = () => random.oneIn(params.fail)
  return { task, lineage: new Lineage(task), sharedStamps: new SharedStamps(task, params.shared), random }
}

/** Goes to one of the address spaces that exist, and stays where it is if that one is not ready. */
export function wander({ task, lineage, random }: Local): boolean {
  const id = random.below(task.k.mms.length)
  if (!task.switchMm(id)) return lineage.arrive()
  if (lineage.arrive()) return true
  // Forked at this moment: nobody has said yet what it holds.
  task.switchMm(0)
  return lineage.arrive()
}

/** Accesses to pages of the address space that it is in. False: its pages are being taken away. */
export function burst({ task, lineage, sharedStamps, random }: Local, params: Params, tally: Tally): boolean {
  for (let n = 0; n < params.burst; n++) {
    const page = random.below(params.pages + params.shared)
    const write = random.below(100) < params.writes
    const shared = page - params.pages
    const code =
      shared < 0 ? lineage.touch(FIRST + page, write) : sharedStamps.touch(sharedAt(params) + shared, shared, write)
    tally.touched(code)
    if (code === FAULT_SIGBUS) return false
    if ((n & 3) === 0) task.k.cpu.poll()
  }
  return true
}

function write({ params, local, more, count }: Context): void {
  const { task } = local
  const tally = new Tally(task, count)
  task.begin()
  while (more()) {
    if (wander(local)) burst(local, params, tally)
    task.k.rcu.poll()
    tally.sometimes()
  }
  task.end()
  tally.report()
}

function forkAndExit({ shared, params, local, more, count, random }: Context): void {
  const { task } = local
  const tally = new Tally(task, count)
  task.begin()
  while (more()) {
    const { fork, exit, protect, drop, remap, dynasty } = params
    const draw = random.below(Math.max(1, fork + exit + protect + drop + remap + dynasty))
    if (draw >= fork + exit + protect + drop + remap) found(local, params, tally, count)
    else if (draw < params.fork) forkOne(shared, local, params, tally, count)
    else if (draw < params.fork + params.exit) exitOne(shared, local, count)
    else if (wander(local)) tally.changed(change(local, params, draw - params.fork - params.exit))
    task.k.rcu.poll()
    tally.sometimes()
  }
  // A round ends with the first address space alone.
  for (let id = 1; id < shared.alive.length; id++) endOne(shared, task, id)
  task.end()
  tally.report()
}

export function forkOne(shared: Shared, local: Local, params: Params, tally: Tally, count: Context['count']): void {
  const { task, lineage } = local
  if (!wander(local)) return
  const child = lineage.fork()
  count(child === -1 ? 'forks.enomem' : 'forks', 1)
  if (child === -1) return
  // Mostly the child is used at once, while the parent's threads go on.
  if (local.random.below(4) > 0 && task.switchMm(child) && lineage.arrive()) burst(local, params, tally)
  Atomics.store(shared.alive, child, 1)
}

/** A family of several generations, all ended afterwards. */
function found({ task, lineage, random }: Local, params: Params, tally: Tally, count: Context['count']): void {
  task.switchMm(0)
  if (!lineage.arrive()) return
  const write = (vpn: number) => {
    if (lineage.arrive()) tally.touched(lineage.touch(vpn, true))
  }
  const start = FIRST
  const end = FIRST + params.pages
  write(start + random.below(params.pages))
  const forks = descend({ task, random, start, end, fork: () => lineage.fork(), write })
  count('forks', forks)
  count('exits', forks)
  count('dynasties')
}

function exitOne(shared: Shared, { task, random }: Local, count: Context['count']): void {
  if (shared.alive.length > 1 && endOne(shared, task, 1 + random.below(shared.alive.length - 1))) count('exits', 1)
}

/** Whoever takes the mark ends the child: others may still be in it, and the last of them takes it down. */
export function endOne({ alive }: Shared, task: Task, id: number): boolean {
  if (Atomics.exchange(alive, id, 0) === 0) return false
  task.exit(id)
  return true
}

/** Splits, merges, drops or replaces private mappings. */
export function change({ task, random }: Local, params: Params, draw: number): number {
  const pages = 1 + random.below(params.pages)
  const from = FIRST + random.below(params.pages - pages + 1)
  const to = from + pages
  if (draw < params.protect) return task.mprotect(task.home, from, to, random.below(3) > 0)
  if (draw < params.protect + params.drop) return task.dontneed(task.home, from, Math.min(to, from + 2))
  return task.mmap(task.home, from, to, PRIVATE)
}

const body = {
  open,
  ...rests,
}

export function familyScenario(
  about: Pick<Scenario, 'name' | 'summary' | 'inconclusive'>,
): Scenario<Shared, typeof specs> {
  return {
    ...about,
    tags: ['mm'],
    params: specs,
    setup,
    threads: {
      writer: { count: 2, ...body, run: write },
      forker: { count: 1, ...body, run: forkAndExit },
    },
    ...audited,
  }
}
