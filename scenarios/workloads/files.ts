/**
 * The workload of files: address spaces that map the same file, shared and privately, written to and read by all
 * threads, beside threads that change the mappings, write dirty pages to the disk and drop pages from the cache. The
 * file's pages lie at the same places in each of them:
 *
 *     shared   slots, one behind the other, that map the file MAP_SHARED
 *     private  the same, MAP_PRIVATE
 */
import { FileStamps } from '../../lib/check/file-stamps.ts'
import { createMemory, type MemoryImage, PCP_HIGH } from '../../lib/mm/memory.ts'
import { type Shrunk, shrinkFile } from '../../lib/mm/page/shrink.ts'
import { writeback } from '../../lib/mm/page/writeback.ts'
import { POLICIES, type PolicyName } from '../../lib/mm/policy/policy.ts'
import { sampleReferences } from '../../lib/mm/rmap/rmap.ts'
import { Task } from '../../lib/mm/task.ts'
import type { OpenContext, ParamValues, Random, RunContext, Scenario, SetupContext } from '../../torture/scenario.ts'
import { audited, rests } from './ends.ts'
import { Tally } from './tally.ts'

export const specs = {
  policy: { default: 'vma-lock', choices: [...POLICIES], describe: 'how faults are kept out of the way' },
  spaces: { default: 2, min: 1, max: 2, describe: 'address spaces that map the file' },
  slots: { default: 2, min: 1, max: 16, describe: 'mappings of each kind in each address space' },
  'slot-pages': { default: 8, min: 2, max: 256, describe: 'pages of a mapping' },
  private: { default: 40, min: 0, max: 100, describe: 'share of the accesses to private mappings, in percent' },
  writes: { default: 50, min: 0, max: 100, describe: 'share of the accesses that write, in percent' },
  burst: { default: 12, min: 1, max: 1000, describe: 'accesses between two other operations' },
  map: { default: 2, min: 0, max: 1000, describe: 'weight of mmap among the other operations' },
  unmap: { default: 1, min: 0, max: 1000, describe: 'weight of munmap' },
  protect: { default: 3, min: 0, max: 1000, describe: 'weight of mprotect' },
  discard: { default: 2, min: 0, max: 1000, describe: 'weight of madvise(DONTNEED)' },
  take: { default: 2, min: 0, max: 1000, describe: 'weight of using a page, dropping or protecting it, and using it' },
  sync: { default: 4, min: 0, max: 1000, describe: 'weight of writing the dirty pages of a mapping to the disk' },
  shrink: { default: 6, min: 0, max: 1000, describe: 'weight of dropping pages from the cache' },
  sample: { default: 1, min: 0, max: 1000, describe: 'weight of asking which private pages were used' },
  force: { default: 50, min: 0, max: 100, describe: 'shrinkers that take pages in use as well, in percent' },
  batched: { default: 75, min: 0, max: 100, describe: 'shrinkers that put flushes off, in percent' },
  pte: { default: 'word', choices: ['word', 'pae'], describe: 'page table entries of one word, or of two' },
} as const

type Params = ParamValues<typeof specs>

export interface Shared {
  readonly memory: MemoryImage
  readonly layout: Layout
}

interface Layout {
  readonly shared: number
  readonly private: number
  /** From one slot to the next, in pages; the same in the file. */
  readonly stride: number
  /** Pages of the file. */
  readonly span: number
}

interface Local {
  readonly task: Task
  readonly stamps: FileStamps
  readonly random: Random
}

type Context = RunContext<Shared, typeof specs, Local>

/** The file's number + 1: there are no other objects. */
const FILE = 1
const FIRST_PAGE = 5
/** Between two slots, so that only the pieces of one are ever merged. */
const GAP = 1

function setup({ params, threads }: SetupContext<typeof specs>): Shared {
  const cpus = Object.values(threads).reduce((sum, n) => sum + n, 0)
  const stride = params['slot-pages'] + GAP
  const span = params.slots * stride
  const layout = { shared: FIRST_PAGE, private: FIRST_PAGE + span + 3, stride, span }
  const pages = layout.private + span
  const memory = createMemory({
    cpus,
    mms: params.spaces,
    pages,
    levels: 2,
    tableBits: Math.max(3, Math.ceil(Math.log2(pages) / 2)),
    pte: params.pte === 'pae' ? 'pae' : 'word',
    frames: 64 + cpus * (PCP_HIGH + 64) + 4 * span,
    vmas: 32 + 16 * params.slots,
    mapCount: 16 + 12 * params.slots,
    objects: [],
    files: [span],
  })
  const boot = new Task(memory, 0, params.policy as PolicyName)
  boot.begin()
  for (let slot = 0; slot < params.slots; slot++) {
    const offset = slot * stride
    for (let mm = 0; mm < params.spaces; mm++) {
      for (const shared of [true, false]) {
        const start = (shared ? layout.shared : layout.private) + offset
        boot.mmap(mm, start, start + params['slot-pages'], { write: true, object: FILE, offset, shared })
      }
    }
  }
  boot.end()
  return { memory, layout }
}

function open({ shared, params, thread, random }: OpenContext<Shared, typeof specs>): Local {
  const task = new Task(shared.memory, thread, params.policy as PolicyName, thread % params.spaces)
  return { task, stamps: new FileStamps(task, shared.layout.span), random }
}

/** Accesses to random pages of one slot, until one turns out not to be mapped. */
function burst({ layout }: Shared, params: Params, { task, stamps, random }: Local, tally: Tally): void {
  const isPrivate = random.below(100) < params.private
  const slot = random.below(params.slots) * layout.stride
  for (let n = 0; n < params.burst; n++) {
    const page = slot + random.below(params['slot-pages'])
    const write = random.below(100) < params.writes
    const code = isPrivate
      ? stamps.touchPrivate(layout.private + page, page, write)
      : stamps.touchShared(layout.shared + page, page, write)
    if (!tally.touched(code)) return
    if ((n & 3) === 0) task.k.cpu.poll()
  }
}

/** One of the operations that are not accesses. */
function operate(context: Context, tally: Tally): void {
  const { params, random } = context
  const { map, unmap, protect, discard, take, sync, shrink, sample } = params
  const mapping = map + unmap + protect + discard
  const draw = random.below(Math.max(1, mapping + take + sync + shrink + sample))
  if (draw < mapping) tally.changed(change(context, draw))
  else if (draw < mapping + take) takeOne(context, tally)
  else if (draw < mapping + take + sync) writeSome(context)
  else if (draw < mapping + take + sync + shrink) shrinkSome(context)
  else if (sample > 0) sampleSome(context)
}

/** Takes a page away that it has just written to, or the right to write to it, and looks at once whether it is gone. */
function takeOne({ shared, params, local, random }: Context, tally: Tally): void {
  const { task, stamps } = local
  const page = random.below(params.slots) * shared.layout.stride + random.below(params['slot-pages'])
  const vpn = shared.layout.shared + page
  const drop = random.oneIn(2)
  if (!tally.touched(stamps.touchShared(vpn, page, true))) return
  tally.changed(drop ? task.dontneed(task.home, vpn, vpn + 1) : task.mprotect(task.home, vpn, vpn + 1, false))
  tally.touched(stamps.touchShared(vpn, page, !drop))
  if (!drop) tally.changed(task.mprotect(task.home, vpn, vpn + 1, true))
}

function writeSome(context: Context): void {
  const { from, to } = somePages(context)
  context.count('pages.written', writeback(context.local.task.k, FILE, from, to))
}

function change(context: Context, draw: number): number {
  const { shared, params, local, random } = context
  const { task } = local
  const { layout } = shared
  const { from, to } = somePages(context)
  const mm = random.below(params.spaces)
  const toFile = random.below(100) >= params.private
  const area = toFile ? layout.shared : layout.private
  if (draw < params.map)
    return task.mmap(mm, area + from, area + to, { write: true, object: FILE, offset: from, shared: toFile })
  if (draw < params.map + params.unmap) return task.munmap(mm, area + from, area + to)
  if (draw < params.map + params.unmap + params.protect)
    return task.mprotect(mm, area + from, area + to, random.oneIn(2))
  return task.dontneed(mm, area + from, area + to)
}

/** Pages of the file, within a slot: mostly all of them, sometimes a piece, so that its VMA is split. */
function somePages({ shared, params, random }: Context): { from: number; to: number } {
  const slot = random.below(params.slots) * shared.layout.stride
  const pages = params['slot-pages']
  if (random.below(4) !== 0) return { from: slot, to: slot + pages }
  const length = 1 + random.below(pages)
  const from = slot + random.below(pages - length + 1)
  return { from, to: from + length }
}

function shrinkSome({ shared, params, local, random, count }: Context): void {
  const shrunk = shrinkFile(local.task.k, FILE, {
    pages: 1 + random.below(shared.layout.span),
    batched: random.below(100) < params.batched,
    force: random.below(100) < params.force,
  })
  for (const [name, n] of Object.entries(shrunk) as [keyof Shrunk, number][]) if (n > 0) count(`shrink.${name}`, n)
}

/** Looks at some frames, whatever they are. */
function sampleSome({ shared, local, random, count }: Context): void {
  const { frames } = shared.memory.options
  for (let n = 0; n < SAMPLES; n++) {
    const referenced = sampleReferences(local.task.k, 1 + random.below(frames - 1))
    if (referenced >= 0) count(referenced > 0 ? 'sampled.used' : 'sampled.idle')
  }
}

const SAMPLES = 64

/** Mostly accesses, with few operations in between, or the other way round. */
function run(context: Context, accesses: number): void {
  const { shared, params, local, more, count, random } = context
  const { task } = local
  const tally = new Tally(task, count)
  task.begin()
  while (more()) {
    if (random.oneIn(4)) task.switchMm(random.below(params.spaces))
    for (let n = random.below(accesses + 1); n > 0; n--) burst(shared, params, local, tally)
    operate(context, tally)
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

export function fileScenario(
  about: Pick<Scenario, 'name' | 'summary' | 'inconclusive'>,
): Scenario<Shared, typeof specs> {
  return {
    ...about,
    tags: ['mm'],
    params: specs,
    setup,
    threads: {
      user: { count: 'cpus-1', ...body, run: (context: Context) => run(context, 6) },
      keeper: { count: 1, ...body, run: (context: Context) => run(context, 1) },
    },
    ...audited,
  }
}
