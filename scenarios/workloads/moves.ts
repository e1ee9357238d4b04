/**
 * The workload of mremap: bundles of pages that are moved from place to place while others use them. Each bundle has a
 * few places of its own where nothing else is ever mapped, so a thread that finds a page at one of them knows which page
 * it is, and what it must hold. In address space 0:
 *
 *     private  bundles that are moved whole or in pieces, dropped, shrunk and grown again
 *     file     the same of shared mappings of a file, whose pages a shrinker takes away meanwhile
 *     loose    private ones that may leave their VMAs behind when they move, and so have several pages of one number
 *     heap     grows and shrinks by brk
 *
 * In address space 1 each mover has a mapping that grows, and moves to wherever there is room.
 */
import { FileStamps } from '../../lib/check/file-stamps.ts'
import { dropLog, MovingStamps } from '../../lib/check/moving-stamps.ts'
import { Stamps } from '../../lib/check/stamps.ts'
import { OBJECT } from '../../lib/mm/layout.ts'
import { createMemory, PCP_HIGH } from '../../lib/mm/memory.ts'
import { shrinkFile } from '../../lib/mm/page/shrink.ts'
import type { PolicyName } from '../../lib/mm/policy/policy.ts'
import { objectBase } from '../../lib/mm/rmap/i-mmap.ts'
import { Task } from '../../lib/mm/task.ts'
import type { OpenContext, Scenario, SetupContext } from '../../torture/scenario.ts'
import {
  type Bundle,
  bundlesOf,
  type Context,
  FILE,
  FILE_KIND,
  fileOffset,
  heapStart,
  type Local,
  type Params,
  PRIVATE_KIND,
  type Shared,
  specs,
  TABLE_BITS,
} from './bundles.ts'
import { audited, rests } from './ends.ts'
import { Mover } from './mover.ts'
import { Tally } from './tally.ts'

/** One access in so many goes to any place of a page. */
const ELSEWHERE = 32

function setup({ params, threads }: SetupContext<typeof specs>): Shared {
  const cpus = Object.values(threads).reduce((sum, n) => sum + n, 0)
  const bundles = bundlesOf(params)
  const span = bundles.length * params['bundle-pages']
  const pages = heapStart(params) + params.heap + 1
  const memory = createMemory({
    cpus,
    mms: 2,
    pages,
    levels: params.levels,
    tableBits: Math.max(TABLE_BITS, Math.ceil(Math.log2(pages) / params.levels)),
    pte: params.pte === 'pae' ? 'pae' : 'word',
    frames: 64 + cpus * (PCP_HIGH + 64) + 8 * span,
    vmas: Math.max(params.vmas, 16 + 8 * bundles.length),
    mapCount: 24 + params.places * bundles.length * params['bundle-pages'],
    objects: [],
    files: [Math.max(1, params.file) * params['bundle-pages']],
  })
  const boot = new Task(memory, 0, params.policy as PolicyName)
  boot.begin()
  boot.startHeap(0, heapStart(params))
  for (const bundle of bundles) {
    const object = bundle.kind === FILE_KIND ? FILE : 0
    const offset = object === 0 ? 0 : fileOffset(bundle, params)
    boot.mmap(0, bundle.places[0], bundle.places[0] + params['bundle-pages'], { write: true, object, offset })
  }
  boot.end()
  return { memory, drops: dropLog(Math.max(1, span)), threads }
}

function open({ shared, params, thread, random }: OpenContext<Shared, typeof specs>): Local {
  const task = new Task(shared.memory, thread, params.policy as PolicyName, 0)
  const span = Math.max(1, bundlesOf(params).length * params['bundle-pages'])
  return {
    task,
    stamps: new MovingStamps(task, shared.drops, span),
    found: new Int32Array(span),
    heapStamps: new Stamps(task, shared.memory.options.pages),
    fileStamps: new FileStamps(task, Math.max(1, params.file) * params['bundle-pages']),
    random,
  }
}

/** Accesses to the pages of one bundle, where each was last found, and sometimes where it may be next. */
export function burst(bundles: readonly Bundle[], params: Params, local: Local, tally: Tally): void {
  const { random, task, found } = local
  const heap = params.heap > 0 ? 1 : 0
  if (bundles.length + heap === 0) return
  const number = random.below(bundles.length + heap)
  if (number === bundles.length) {
    useHeap(params, local, tally)
    return
  }
  const bundle = bundles[number]
  for (let n = 0; n < params.burst; n++) {
    const page = bundle.kind === FILE_KIND ? pageOfFile(local, params, bundle) : random.below(params['bundle-pages'])
    if (random.oneIn(ELSEWHERE)) found[bundle.first + page] = random.below(params.places)
    const at = bundle.places[found[bundle.first + page]] + page
    const code = touch(local, params, bundle, at, page, random.below(100) < params.writes)
    // Not here any more.
    if (!tally.touched(code)) found[bundle.first + page] = (found[bundle.first + page] + 1) % params.places
    if ((n & 3) === 0) task.k.cpu.poll()
  }
}

function touch(local: Local, params: Params, bundle: Bundle, vpn: number, page: number, write: boolean): number {
  const { stamps, fileStamps } = local
  const number = bundle.first + page
  if (bundle.kind === FILE_KIND) return fileStamps.touchShared(vpn, fileOffset(bundle, params) + page, write)
  return bundle.kind === PRIVATE_KIND ? stamps.touch(vpn, number, write) : stamps.touchAny(vpn, number, write)
}

/** Half of the time a page that the shrinker is at, or has just left. */
function pageOfFile({ random, task }: Local, params: Params, bundle: Bundle): number {
  const pages = params['bundle-pages']
  const hand = Atomics.load(task.k.w, objectBase(task.k, FILE) + OBJECT.hand) >>> 0
  const near = ((hand + params.file * pages - 1 - random.below(2)) % (params.file * pages)) - fileOffset(bundle, params)
  return near >= 0 && near < pages && random.oneIn(2) ? near : random.below(pages)
}

function useHeap(params: Params, { random, task, heapStamps }: Local, tally: Tally): void {
  const start = heapStart(params)
  // A page beyond its end as well.
  const pages = Math.min(params.heap, Atomics.load(task.k.w, task.mm.brk) - start + 1)
  for (let n = 0; n < params.burst; n++) {
    const vpn = start + random.below(Math.max(1, pages))
    tally.touched(heapStamps.touch(vpn, random.below(100) < params.writes))
    if ((n & 3) === 0) task.k.cpu.poll()
  }
}

/** Reads what is not ours, to have it in the TLB when it moves. */
function lookElsewhere(local: Local, tally: Tally): void {
  const { task, random } = local
  task.switchMm(1)
  for (let n = 0; n < 8; n++) {
    const vpn = random.below(Math.min(task.mm.pages, 128))
    const data = task.access(vpn, false)
    if (data >= 0) task.accessed(vpn)
    tally.touched(data < 0 ? -data : 0)
  }
  task.switchMm(0)
}

function use(context: Context): void {
  const { params, local, more, count, random } = context
  const { task } = local
  const bundles = bundlesOf(params)
  const tally = new Tally(task, count)
  task.begin()
  while (more()) {
    burst(bundles, params, local, tally)
    if (params.file > 0 && random.below(100) < params.shrink) shrink(context)
    if (params.wander > 0 && random.oneIn(16)) lookElsewhere(local, tally)
    task.k.rcu.poll()
    tally.sometimes()
  }
  task.end()
  tally.report()
}

/** Takes pages from the cache, as the address space's own thread or like the kernel's, which is in none. */
function shrink({ params, local, random, count }: Context): void {
  const { task } = local
  if (random.below(100) < params.kswapd) task.switchMm(1)
  const { freed } = shrinkFile(task.k, FILE, {
    pages: 1 + random.below(params['shrink-pages']),
    batched: random.below(100) < params.batched,
    force: true,
  })
  task.switchMm(0)
  if (freed > 0) count('shrink.freed', freed)
}

function moveAbout(context: Context): void {
  const { params, local, more, count, random } = context
  const { task } = local
  const bundles = bundlesOf(params)
  const tally = new Tally(task, count)
  const mover = new Mover(context, tally)
  task.begin()
  while (more()) {
    mover.step()
    if (random.below(100) < params.use) {
      mover.goHome()
      burst(bundles, params, local, tally)
    }
    tally.sometimes()
    mover.report()
  }
  task.end()
  tally.report()
  mover.report()
}

const body = {
  open,
  ...rests,
}

export function moveScenario(
  about: Pick<Scenario, 'name' | 'summary' | 'inconclusive'>,
): Scenario<Shared, typeof specs> {
  return {
    ...about,
    tags: ['mm'],
    params: specs,
    setup,
    threads: {
      user: { count: 'cpus-1', ...body, run: use },
      mover: { count: 1, ...body, run: moveAbout },
    },
    ...audited,
  }
}
