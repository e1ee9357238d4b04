/**
 * The workload that every policy of the fault path is tortured with: threads that fault over private and shared memory
 * of two address spaces, beside threads that map, unmap, protect and drop it. Both address spaces look the same, so
 * that equal addresses mean different pages:
 *
 *     own     one area for each faulting thread, in its own address space: writes, reads back, drops
 *     common  private slots, one behind the other, that all threads use and the mappers keep changing
 *     shared  slots that map one object in both address spaces
 */
import { SharedStamps, Stamps } from '../../lib/check/stamps.ts'
import { createMemory, type MemoryImage, PCP_HIGH } from '../../lib/mm/memory.ts'
import type { PolicyName } from '../../lib/mm/policy/policy.ts'
import { Task } from '../../lib/mm/task.ts'
import type { OpenContext, ParamValues, Random, RunContext, SetupContext } from '../../torture/scenario.ts'

export const specs = {
  load: {
    default: 'mixed',
    choices: ['mixed', 'own', 'shared'],
    describe: 'mixed: everything; own, shared: what torture scale measures, in a VMA of its own each or in one for all',
  },
  'own-pages': {
    default: 64,
    min: 1,
    max: 16384,
    describe: 'pages of the area that each faulting thread has for itself',
  },
  slots: { default: 4, min: 1, max: 16, describe: 'private slots that all threads use, and as many shared ones' },
  'slot-pages': { default: 16, min: 4, max: 256, describe: 'pages of a slot' },
  own: { default: 8, min: 0, max: 1000, describe: 'weight of sweeps over the own area among what faulting threads do' },
  common: { default: 8, min: 0, max: 1000, describe: 'weight of accesses to the common private slots' },
  shared: { default: 4, min: 0, max: 1000, describe: 'weight of accesses to the shared slots' },
  map: { default: 3, min: 0, max: 1000, describe: 'weight of mmap among what mapping threads do' },
  unmap: { default: 1, min: 0, max: 1000, describe: 'weight of munmap' },
  protect: { default: 3, min: 0, max: 1000, describe: 'weight of mprotect' },
  discard: { default: 1, min: 0, max: 1000, describe: 'weight of madvise(DONTNEED)' },
  drop: { default: 1, min: 0, max: 1000, describe: 'weight of dropping a common slot' },
  writes: { default: 70, min: 0, max: 100, describe: 'share of the accesses that write, in percent' },
  levels: { default: 3, min: 2, max: 5, describe: 'levels of the page tables' },
  'table-bits': { default: 5, min: 3, max: 9, describe: 'log2 of the entries of a page table' },
  pte: {
    default: 'word',
    choices: ['word', 'pae'],
    describe: 'page table entries of one word, or of two that are never read or written at once',
  },
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

export type Params = ParamValues<typeof specs>

/** Where the first area begins: not at a table's border, so that neighbours share tables. */
const FIRST_PAGE = 24
/** Pages between two slots: a slot's VMA has no neighbours to merge with, only the pieces that it was split into. */
const GAP = 1

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

export interface Local {
  readonly task: Task
  /** By address space. */
  readonly stamps: readonly Stamps[]
  readonly sharedStamps: SharedStamps
  readonly random: Random
}

export type Context = RunContext<Shared, typeof specs, Local>

export function setup(policy: PolicyName, { params, threads }: SetupContext<typeof specs>): Shared {
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
    pte: params.pte === 'pae' ? 'pae' : 'word',
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
    boot.mmap(homeOf(n, params), start, start + params['own-pages'], { write: true, object: 0, offset: 0 })
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

/** Measured is one address space, as of one process; tortured are two. */
export function homeOf(index: number, params: Params): number {
  return params.load === 'mixed' ? index % 2 : 0
}

/** Areas side by side merge into one VMA; a gap keeps them apart. */
export function ownArea(layout: Pick<Shared, 'own'>, thread: number, params: Params): number {
  return layout.own + thread * (params['own-pages'] + (params.load === 'shared' ? 0 : 8))
}

/** A thread's handles, made anew for each round. */
export function open(policy: PolicyName, context: OpenContext<Shared, typeof specs>): Local {
  const { shared, params, thread, index, random } = context
  const task = new Task(shared.memory, thread, policy, homeOf(index, params))
  return {
    task,
    stamps: [0, 1].map(() => new Stamps(task, shared.memory.options.pages)),
    sharedStamps: new SharedStamps(task, shared.span),
    random,
  }
}
