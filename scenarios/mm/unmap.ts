/**
 * One mapping that comes and goes without a rest, and threads that touch one of its pages after the other: there is
 * always a fault under way when it goes. Everything else is left out, so that the windows between finding a VMA and
 * using it are met more often than by the mixed loads.
 */
import { Stamps } from '../../lib/check/stamps.ts'
import { createMemory, type MemoryImage, PCP_HIGH } from '../../lib/mm/memory.ts'
import { POLICIES, type PolicyName } from '../../lib/mm/policy/policy.ts'
import { Task } from '../../lib/mm/task.ts'
import {
  defineScenario,
  type OpenContext,
  type ParamValues,
  type Random,
  type RunContext,
} from '../../torture/scenario.ts'
import { audited, rests } from '../workloads/ends.ts'
import { Tally } from '../workloads/tally.ts'

/** Not at a table's border: the tables at the ends are shared with nobody, and go as well. */
const FIRST_PAGE = 3

const params = {
  policy: { default: 'vma-lock', choices: [...POLICIES], describe: 'how faults are kept out of the way' },
  pages: { default: 128, min: 4, max: 4096, describe: 'pages of the mapping' },
  pace: { default: 200, min: 1, max: 100000, describe: 'longest life of the mapping, in polls for interrupts' },
  touches: { default: 16, min: 1, max: 1000, describe: 'accesses to a page before the next one' },
  writes: { default: 90, min: 0, max: 100, describe: 'share of the accesses that write, in percent' },
} as const

interface Shared {
  readonly memory: MemoryImage
}

interface Local {
  readonly task: Task
  readonly stamps: Stamps
  readonly random: Random
}

type Context = RunContext<Shared, typeof params, Local>

const body = {
  open: ({ shared, params: given, thread, random }: OpenContext<Shared, typeof params>): Local => {
    const task = new Task(shared.memory, thread, given.policy as PolicyName)
    return { task, stamps: new Stamps(task, shared.memory.options.pages), random }
  },
  ...rests,
}

/** Touches all pages one after the other and drops them. False: the mapping went. */
function sweep({ params: given, local: { task, stamps, random } }: Context, tally: Tally): boolean {
  const write = random.below(100) < given.writes
  const first = random.below(given.pages)
  for (let n = 0; n < given.pages; n++) {
    const vpn = FIRST_PAGE + ((first + n) % given.pages)
    for (let touch = 0; touch < given.touches; touch++) if (!tally.touched(stamps.touch(vpn, write))) return false
  }
  task.dontneed(0, FIRST_PAGE, FIRST_PAGE + given.pages)
  return true
}

function fault(context: Context): void {
  const { local, more, count } = context
  const { task } = local
  const tally = new Tally(task, count)
  let missing = 0
  task.begin()
  while (more()) {
    missing = sweep(context, tally) ? 0 : missing + 1
    // Who is to map it again may be waiting for this very CPU.
    task.k.cpu.relax(missing)
    task.k.rcu.poll()
    tally.sometimes()
  }
  task.end()
  tally.report()
}

/** Maps, waits for some faults, and unmaps. The first page is its own, so that faults find everything prepared. */
function mapAndUnmap(context: Context): void {
  const { params: given, local, more, count } = context
  const { task, stamps, random } = local
  const end = FIRST_PAGE + given.pages
  const tally = new Tally(task, count)
  task.begin()
  while (more()) {
    tally.changed(task.mmap(0, FIRST_PAGE, end, { write: true, object: 0, offset: 0 }))
    tally.touched(stamps.touch(FIRST_PAGE, true))
    for (let n = random.below(given.pace); n > 0; n--) task.k.cpu.poll()
    tally.changed(task.munmap(0, FIRST_PAGE, end))
    task.k.rcu.poll()
    tally.sometimes()
  }
  task.end()
  tally.report()
}

type Values = ParamValues<typeof params>

export default defineScenario({
  name: 'unmap',
  summary: 'a mapping that comes and goes without a rest, under faults in all of its pages',
  tags: ['mm'],
  params,
  setup: ({ params: given, threads }: { params: Values; threads: Readonly<Record<string, number>> }): Shared => {
    const cpus = threads.faulter + threads.mapper
    const pages = FIRST_PAGE + given.pages + 1
    return {
      memory: createMemory({
        cpus,
        mms: 1,
        pages,
        levels: 3,
        tableBits: Math.max(3, Math.ceil(Math.log2(pages) / 3)),
        frames: 64 + cpus * (PCP_HIGH + 64) + given.pages,
        vmas: 16,
        mapCount: 4,
      }),
    }
  },
  threads: {
    faulter: { count: 'cpus-1', ...body, run: fault },
    mapper: { count: 1, ...body, run: mapAndUnmap },
  },
  inconclusive: ({ counters }) => ((counters.mappings ?? 0) === 0 ? 'nothing was mapped and unmapped' : undefined),
  ...audited,
})
