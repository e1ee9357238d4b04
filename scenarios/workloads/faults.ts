/**
 * The workload that every policy of the fault path is tortured with: threads that fault over private and shared memory
 * of two address spaces, beside threads that map, unmap, protect and drop it. Both address spaces look the same, so
 * that equal addresses mean different pages:
 *
 *     own     one area for each faulting thread, in its own address space: writes, reads back, drops
 *     common  private slots, one behind the other, that all threads use and the mappers keep changing
 *     shared  slots that map one object in both address spaces
 */
import { audit } from '../../lib/check/audit.ts'
import { SharedStamps, Stamps } from '../../lib/check/stamps.ts'
import { FAULT_OK, FAULT_OOM } from '../../lib/mm/fault.ts'
import { createMemory, type MemoryImage, PCP_HIGH } from '../../lib/mm/memory.ts'
import { DONE } from '../../lib/mm/mmap.ts'
import type { PolicyName } from '../../lib/mm/policy/policy.ts'
import { Task } from '../../lib/mm/task.ts'
import type { ParamValues, Random, RunContext, Scenario, SetupContext } from '../../torture/scenario.ts'

const specs = {
  'own-pages': {
    default: 64,
    min: 1,
    max: 16384,
    describe: 'pages of the area that each faulting thread has for itself',
  },
  slots: { default: 8, min: 1, max: 16, describe: 'private slots that all threads use, and as many shared ones' },
  'slot-pages': { default: 16, min: 4, max: 256, describe: 'pages of a slot' },
  own: { default: 8, min: 0, max: 1000, describe: 'weight of sweeps over the own area among what faulting threads do' },
  common: { default: 8, min: 0, max: 1000, describe: 'weight of accesses to the common private slots' },
  shared: { default: 4, min: 0, max: 1000, describe: 'weight of accesses to the shared slots' },
  drop: { default: 1, min: 0, max: 1000, describe: 'weight of dropping a common slot' },
  writes: { default: 70, min: 0, max: 100, describe: 'share of the accesses that write, in percent' },
  levels: { default: 3, min: 2, max: 5, describe: 'levels of the page tables' },
  'table-bits': { default: 5, min: 3, max: 9, describe: 'log2 of the entries of a page table' },
  vmas: {
    default: 96,
    min: 16,
    max: 4096,
    describe: 'VMAs in the slab: few make recycling prompt, and some mappings fail',
  },
  use: {
    default: 25,
    min: 0,
    max: 100,
    describe: 'operations after which a mapping thread accesses memory itself, in percent',
  },
  pace: { default: 0, min: 0, max: 100000, describe: 'spins a mapping thread makes between two operations' },
} as const

type Params = ParamValues<typeof specs>

/** Pages of a sweep over the own area, and of a burst of accesses elsewhere, between two calls of `more`. */
const SWEEP = 32
const BURST = 16
const REPORT_EVERY = 64
/** Pages between two slots: a slot's VMA has no neighbours to merge with, only the pieces that it was split into. */
const GAP = 1
/** Where the first area begins: not at a table's border, so that neighbours share tables. */
const FIRST_PAGE = 24

export interface Shared {
  readonly memory: MemoryImage
  readonly own: number
  readonly common: number
  readonly shared: number
  /** From one slot to the next, in pages. */
  readonly stride: number
  /** Pages of the shared object. */
  readonly span: number
}

interface Local {
  readonly task: Task
  /** By address space. */
  readonly stamps: readonly Stamps[]
  readonly sharedStamps: SharedStamps
  readonly random: Random
}

type Context = RunContext<Shared, typeof specs, Local>

function setup(policy: PolicyName, { params, threads }: SetupContext<typeof specs>): Shared {
  const cpus = threads.faulter + threads.mapper
  const stride = params['slot-pages'] + GAP
  const span = params.slots * stride
  const own = FIRST_PAGE
  // A gap between the areas, so that they do not merge and tables between them come and go.
  const common = own + threads.faulter * (params['own-pages'] + 8) + 8
  const shared = common + span + 8
  const pages = shared + span
  const memory = createMemory({
    cpus,
    mms: 2,
    pages,
    levels: params.levels,
    tableBits: Math.max(params['table-bits'], Math.ceil(Math.log2(pages) / params.levels)),
    frames: 64 + cpus * (PCP_HIGH + 256) + threads.faulter * params['own-pages'] + 3 * span,
    vmas: Math.max(params.vmas, threads.faulter + 4 * params.slots + 8),
    mapCount: 16 + threads.faulter + 6 * params.slots,
    objects: [span],
  })
  const layout = { memory, own, common, shared, stride, span }
  const boot = new Task(memory, 0, policy)
  boot.begin()
  for (let n = 0; n < threads.faulter; n++) {
    const start = ownArea(layout, n, params)
    boot.mmap(n % 2, start, start + params['own-pages'], { write: true, object: 0, offset: 0 })
  }
  for (let slot = 0; slot < params.slots; slot++) {
    const offset = slot * stride
    const end = offset + params['slot-pages']
    for (const mm of [0, 1]) {
      boot.mmap(mm, common + offset, common + end, { write: true, object: 0, offset: 0 })
      boot.mmap(mm, shared + offset, shared + end, { write: true, object: 1, offset })
    }
  }
  boot.end()
  return layout
}

function ownArea(layout: Pick<Shared, 'own'>, thread: number, params: Params): number {
  return layout.own + thread * (params['own-pages'] + 8)
}

function fault({ shared, params, local, index, more, count, random }: Context): void {
  const { task } = local
  const ownStart = ownArea(shared, index, params)
  const total = params.own + params.common + params.shared + params.drop
  const tally = new Tally(task, count)
  task.begin()
  while (more()) {
    const draw = random.below(Math.max(1, total))
    if (draw < params.own) sweep(task, local.stamps[task.home], ownStart, params, random, tally)
    else if (draw < params.own + params.common) burst(shared, params, local, tally, false)
    else if (draw < params.own + params.common + params.shared) burst(shared, params, local, tally, true)
    else dropSlot(shared, params, local)
    task.k.rcu.poll()
    tally.sometimes()
  }
  task.end()
  tally.report()
}

/** Accesses to random pages of the slots, until one of them turns out not to be mapped. */
function burst(
  shared: Shared,
  params: Params,
  { task, stamps, sharedStamps, random }: Local,
  tally: Tally,
  object: boolean,
): void {
  const own = stamps[task.home]
  for (let n = 0; n < BURST; n++) {
    const page = random.below(params.slots) * shared.stride + random.below(params['slot-pages'])
    const write = random.below(100) < params.writes
    const code = object ? sharedStamps.touch(shared.shared + page, page, write) : own.touch(shared.common + page, write)
    if (!tally.touched(code)) return
  }
}

function dropSlot(shared: Shared, params: Params, { task, random }: Local): void {
  const start = shared.common + random.below(params.slots) * shared.stride
  task.dontneed(task.home, start, start + params['slot-pages'])
}

/** Touches a run of the own area page by page, and now and then drops it: first touches, and reading back. */
function sweep(task: Task, stamps: Stamps, start: number, params: Params, random: Random, tally: Tally): void {
  const pages = Math.min(SWEEP, params['own-pages'])
  const from = start + random.below(params['own-pages'] - pages + 1)
  const write = random.below(100) < params.writes
  for (let vpn = from; vpn < from + pages; vpn++) tally.touched(stamps.touch(vpn, write))
  if (random.oneIn(2)) task.dontneed(task.home, from, from + pages)
}

/** Changes one address space or the other, now from inside and now from outside, and uses what it made. */
function map({ shared, params, local, more, count, random }: Context): void {
  const { task } = local
  const tally = new Tally(task, count)
  task.begin()
  while (more()) {
    const mm = random.below(2)
    if (random.oneIn(2)) task.switchMm(mm)
    const object = random.below(2)
    const area = object === 0 ? shared.common : shared.shared
    const { from, to } = someRange(shared, params['slot-pages'], params.slots, random)
    tally.changed(change(task, mm, area + from, area + to, object, from, random))
    if (random.below(100) < params.use) burst(shared, params, local, tally, object === 1)
    for (let n = 0; n < params.pace; n++) task.k.cpu.poll()
    tally.sometimes()
  }
  task.end()
  tally.report()
}

/** Mostly a whole slot, sometimes a piece of one: its VMA is split, and merged again later. */
function someRange(shared: Shared, slotPages: number, slots: number, random: Random): { from: number; to: number } {
  const slot = random.below(slots) * shared.stride
  if (random.below(4) !== 0) return { from: slot, to: slot + slotPages }
  const pages = 1 + random.below(slotPages)
  const from = slot + random.below(slotPages - pages + 1)
  return { from, to: from + pages }
}

function change(
  task: Task,
  mm: number,
  start: number,
  end: number,
  object: number,
  offset: number,
  random: Random,
): number {
  switch (random.below(8)) {
    case 0:
      return task.munmap(mm, start, end)
    case 1:
    case 2:
      return task.mprotect(mm, start, end, false)
    case 3:
      return task.mprotect(mm, start, end, true)
    case 4:
      return task.dontneed(mm, start, end)
    default:
      return task.mmap(mm, start, end, { write: true, object, offset })
  }
}

/** Adds up what the accesses came to and hands it over now and then. */
class Tally {
  readonly #task: Task
  readonly #count: Context['count']
  #segv = 0
  #oom = 0
  #mappings = 0
  #refused = 0
  #turns = 0

  constructor(task: Task, count: Context['count']) {
    this.#task = task
    this.#count = count
  }

  /** True when the access went well. */
  touched(code: number): boolean {
    if (code === FAULT_OOM) this.#oom++
    else if (code !== FAULT_OK) this.#segv++
    return code === FAULT_OK
  }

  /** A mapping operation. */
  changed(result: number): void {
    this.#mappings++
    if (result !== DONE) this.#refused++
  }

  sometimes(): void {
    if (++this.#turns === REPORT_EVERY) this.report()
  }

  report(): void {
    this.#turns = 0
    const { stats } = this.#task.k
    const count = this.#count
    count('faults', stats.faults)
    count('faults.fast', stats.fast)
    count('faults.segv', this.#segv)
    if (this.#oom > 0) count('faults.oom', this.#oom)
    count('mappings', this.#mappings)
    if (this.#refused > 0) count('mappings.enomem', this.#refused)
    for (const [name, n] of Object.entries(stats))
      if (n > 0 && name !== 'faults' && name !== 'fast') count(`faults.${name}`, n)
    for (const name of Object.keys(stats) as (keyof typeof stats)[]) stats[name] = 0
    this.#segv = 0
    this.#oom = 0
    this.#mappings = 0
    this.#refused = 0
  }
}

export function faultScenario(
  policy: PolicyName,
  about: Pick<Scenario, 'summary' | 'inconclusive'>,
): Scenario<Shared, typeof specs> {
  const body = {
    open: ({
      shared,
      thread,
      index,
      random,
    }: {
      shared: Shared
      thread: number
      index: number
      random: Random
    }): Local => {
      const task = new Task(shared.memory, thread, policy, index % 2)
      return {
        task,
        stamps: [0, 1].map(() => new Stamps(task, shared.memory.options.pages)),
        sharedStamps: new SharedStamps(task, shared.span),
        random,
      }
    },
    pause: (local: Local) => local.task.sleep(),
    resume: (local: Local) => local.task.wake(),
  }
  return {
    name: policy,
    tags: ['mm'],
    params: specs,
    ...about,
    setup: context => setup(policy, context),
    threads: {
      faulter: { count: 'cpus-1', ...body, run: fault },
      mapper: { count: 1, ...body, run: map },
    },
    check: ({ shared }) => audit(shared.memory),
  }
}
