/**
 * The workload of stacks: threads that touch pages below stacks, beside a thread that cuts the stacks off, and maps and
 * unmaps what lies below them. Each stack has a range of pages of its own, its last page always mapped.
 */
import { Stamps } from '../../lib/check/stamps.ts'
import { createMemory, type MemoryImage, PCP_HIGH } from '../../lib/mm/memory.ts'
import { POLICIES, type PolicyName } from '../../lib/mm/policy/policy.ts'
import { Task } from '../../lib/mm/task.ts'
import type { OpenContext, ParamValues, Random, RunContext, Scenario, SetupContext } from '../../torture/scenario.ts'
import { audited, rests } from './ends.ts'
import { Tally } from './tally.ts'

export const specs = {
  policy: { default: 'vma-lock', choices: [...POLICIES], describe: 'how faults are kept out of the way' },
  stack: {
    default: 'expand-write',
    choices: ['expand-write', 'expand-read'],
    describe: 'mmap_lock is held so while a stack grows; expand-read with policy=mmap-lock only',
  },
  stacks: { default: 2, min: 1, max: 16, describe: 'stacks of the address space' },
  limit: { default: 24, min: 4, max: 256, describe: 'pages that a stack may have' },
  writes: { default: 60, min: 0, max: 100, describe: 'share of the accesses that write, in percent' },
  burst: { default: 12, min: 1, max: 1000, describe: 'accesses to one stack' },
  cut: { default: 4, min: 0, max: 1000, describe: 'weight of unmapping the lower pages of a stack' },
  map: { default: 2, min: 0, max: 1000, describe: 'weight of mapping pages below a stack' },
  protect: { default: 1, min: 0, max: 1000, describe: 'weight of mprotect' },
  discard: { default: 1, min: 0, max: 1000, describe: 'weight of madvise(DONTNEED)' },
  use: { default: 50, min: 0, max: 100, describe: 'changes after which the mapping thread uses a stack, in percent' },
  'table-bits': { default: 3, min: 3, max: 9, describe: 'log2 of the entries of a page table' },
} as const

type Params = ParamValues<typeof specs>

export interface Shared {
  readonly memory: MemoryImage
}

interface Local {
  readonly task: Task
  readonly stamps: Stamps
  readonly random: Random
}

type Context = RunContext<Shared, typeof specs, Local>

const FIRST = 5
/** Pages between two stacks. */
const GAP = 3

const bottomOf = (stack: number, params: Params) => FIRST + stack * (params.limit + GAP)

function setup({ params, threads }: SetupContext<typeof specs>): Shared {
  if (params.stack === 'expand-read' && params.policy !== 'mmap-lock')
    throw new RangeError(
      'stack=expand-read needs policy=mmap-lock: other faults do not look at who holds mmap_lock for read',
    )
  const cpus = Object.values(threads).reduce((sum, n) => sum + n, 0)
  const pages = bottomOf(params.stacks, params)
  const levels = Math.max(2, Math.ceil(Math.log2(pages) / params['table-bits']))
  const memory = createMemory({
    cpus,
    mms: 1,
    pages,
    levels,
    tableBits: params['table-bits'],
    stack: params.stack === 'expand-read' ? 'expand-read' : 'expand-write',
    stackLimit: params.limit,
    frames: 64 + cpus * (PCP_HIGH + 64) + pages,
    vmas: 16 + 12 * params.stacks,
    mapCount: 8 + 12 * params.stacks,
    objects: [],
  })
  const boot = new Task(memory, 0, params.policy as PolicyName)
  boot.begin()
  for (let stack = 0; stack < params.stacks; stack++) {
    const top = bottomOf(stack, params) + params.limit
    boot.mmap(0, top - 1, top, { write: true, object: 0, offset: 0, growsDown: true })
  }
  boot.end()
  return { memory }
}

function open({ shared, params, thread, random }: OpenContext<Shared, typeof specs>): Local {
  const task = new Task(shared.memory, thread, params.policy as PolicyName)
  return { task, stamps: new Stamps(task, shared.memory.options.pages), random }
}

/** Accesses to one stack, deeper and deeper, or anywhere below its top. */
function burst({ params, local }: Context, tally: Tally): void {
  const { task, stamps, random } = local
  const bottom = bottomOf(random.below(params.stacks), params)
  const deeper = random.oneIn(2)
  let depth = params.limit
  for (let n = 0; n < params.burst; n++) {
    depth = deeper ? Math.max(1, depth - random.below(4)) : 1 + random.below(params.limit)
    tally.touched(stamps.touch(bottom + depth - 1, random.below(100) < params.writes))
    if ((n & 3) === 0) task.k.cpu.poll()
  }
}

function use(context: Context): void {
  const { local, more, count } = context
  const { task } = local
  const tally = new Tally(task, count)
  task.begin()
  while (more()) {
    burst(context, tally)
    task.k.rcu.poll()
    tally.sometimes()
  }
  task.end()
  tally.report()
}

/** Cuts stacks off and fills the room below them; uses them as well. */
function change(context: Context): void {
  const { params, local, more, count, random } = context
  const { task } = local
  const tally = new Tally(task, count)
  task.begin()
  while (more()) {
    const bottom = bottomOf(random.below(params.stacks), params)
    // Never the top page: from it the stack grows again.
    const pages = 1 + random.below(params.limit - 1)
    const draw = random.below(Math.max(1, params.cut + params.map + params.protect + params.discard))
    if (draw < params.cut) tally.changed(task.munmap(0, bottom, bottom + pages))
    else if (draw < params.cut + params.map)
      tally.changed(task.mmap(0, bottom, bottom + Math.ceil(pages / 2), { write: true, object: 0, offset: 0 }))
    else if (draw < params.cut + params.map + params.protect)
      tally.changed(task.mprotect(0, bottom, bottom + pages, random.oneIn(2)))
    else tally.changed(task.dontneed(0, bottom, bottom + pages))
    if (random.below(100) < params.use) burst(context, tally)
    task.k.rcu.poll()
    tally.sometimes()
  }
  task.end()
  tally.report()
}

const body = {
  open,
  ...rests,
}

export function stackScenario(
  about: Pick<Scenario, 'name' | 'summary' | 'inconclusive'>,
): Scenario<Shared, typeof specs> {
  return {
    ...about,
    tags: ['mm'],
    params: specs,
    setup,
    threads: {
      user: { count: 'cpus-1', ...body, run: use },
      mapper: { count: 1, ...body, run: change },
    },
    ...audited,
  }
}
