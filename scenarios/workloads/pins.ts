/**
 * The workload of pins: threads that take pages out of one address space and use them by hand, as devices and debuggers
 * do, beside a thread that drops, protects, unmaps and replaces them, and forks. Children are used for a moment.
 *
 *     private  slots of private memory, each with page tables of its own, so that these come and go
 *     file     a private, read-only mapping of an object that nobody may write to
 *     shared   a shared mapping of another object
 */
import { audit } from '../../lib/check/audit.ts'
import { violated } from '../../lib/check/oracle.ts'
import { type Content, LastingWords, Pins } from '../../lib/check/pins.ts'
import { Stamps } from '../../lib/check/stamps.ts'
import { FOLL_FORCE, FOLL_LONGTERM, FOLL_PIN, FOLL_WRITE } from '../../lib/mm/gup/foll.ts'
import { Gup } from '../../lib/mm/gup/gup.ts'
import { OBJECT } from '../../lib/mm/layout.ts'
import { createMemory, DATA_AT, type MemoryImage, PCP_HIGH } from '../../lib/mm/memory.ts'
import { POLICIES, type PolicyName } from '../../lib/mm/policy/policy.ts'
import { Task } from '../../lib/mm/task.ts'
import { objectAt } from '../../lib/shm/arena.ts'
import type { OpenContext, ParamValues, Random, RunContext, Scenario, SetupContext } from '../../torture/scenario.ts'
import { rests } from './ends.ts'
import { keepPage } from './keepsake.ts'
import { Tally } from './tally.ts'

export const specs = {
  policy: { default: 'vma-lock', choices: [...POLICIES], describe: 'how faults are kept out of the way' },
  slots: { default: 2, min: 1, max: 16, describe: 'private slots' },
  'slot-pages': { default: 8, min: 1, max: 64, describe: 'pages of a private slot' },
  'file-pages': { default: 4, min: 1, max: 64, describe: 'pages of the file that is mapped read-only' },
  'shared-pages': { default: 4, min: 1, max: 64, describe: 'pages of the shared mapping' },
  pins: { default: 4, min: 1, max: 64, describe: 'pins that a thread holds at once at the most, all of one page' },
  hold: { default: 3, min: 1, max: 1000, describe: 'exchanges between device and page tables while pages are pinned' },
  pin: { default: 8, min: 0, max: 1000, describe: 'weight of pinning private pages' },
  share: { default: 2, min: 0, max: 1000, describe: 'weight of pinning shared pages' },
  force: {
    default: 4,
    min: 0,
    max: 1000,
    describe: 'weight of writing as a debugger does, to the file and to private pages',
  },
  touch: { default: 4, min: 0, max: 1000, describe: 'weight of plain accesses' },
  drop: { default: 6, min: 0, max: 1000, describe: 'weight of madvise(DONTNEED) among what the mapping thread does' },
  protect: { default: 4, min: 0, max: 1000, describe: 'weight of mprotect' },
  unmap: { default: 3, min: 0, max: 1000, describe: 'weight of unmapping a slot and mapping it again' },
  fork: { default: 2, min: 0, max: 1000, describe: 'weight of fork, with a child that writes and exits' },
  'refcount-bits': { default: 32, min: 12, max: 32, describe: 'bits of the reference count of a page' },
  pte: { default: 'word', choices: ['word', 'pae'], describe: 'page table entries of one word, or of two' },
} as const

type Params = ParamValues<typeof specs>

export interface Shared {
  readonly memory: MemoryImage
  readonly layout: Layout
}

interface Layout {
  readonly private: number
  /** From one private slot to the next, in pages. */
  readonly stride: number
  readonly file: number
  readonly shared: number
}

interface Local {
  readonly task: Task
  readonly gup: Gup
  readonly pins: Pins
  readonly stamps: Stamps
  readonly sharedStamps: Content
  readonly random: Random
}

type Context = RunContext<Shared, typeof specs, Local>

/** Numbers + 1 of the objects. */
const FILE = 1
const SHARED = 2
const TABLE_BITS = 3
const TABLE_PAGES = 1 << TABLE_BITS
const PRIVATE = { write: true, object: 0, offset: 0 }
const PRIVATE_FILE = { write: false, object: FILE, offset: 0, shared: false }
/** The address space that all threads are in, and one for a child. */
const MMS = 2

function layOut(params: Params): Layout & { readonly pages: number } {
  const tables = (pages: number) => Math.ceil(pages / TABLE_PAGES) * TABLE_PAGES
  const stride = tables(params['slot-pages']) + TABLE_PAGES
  const slots = TABLE_PAGES
  const file = slots + params.slots * stride
  const shared = file + tables(params['file-pages']) + TABLE_PAGES
  return { private: slots, stride, file, shared, pages: shared + tables(params['shared-pages']) }
}

function setup({ params, threads }: SetupContext<typeof specs>): Shared {
  const cpus = Object.values(threads).reduce((sum, n) => sum + n, 0)
  const { pages, ...layout } = layOut(params)
  const levels = Math.max(2, Math.ceil(Math.log2(pages) / TABLE_BITS))
  const memory = createMemory({
    cpus,
    mms: MMS,
    firstMms: 1,
    pages,
    levels,
    tableBits: TABLE_BITS,
    pte: params.pte === 'pae' ? 'pae' : 'word',
    frames: 64 + cpus * (PCP_HIGH + 64) + (MMS + 2) * pages,
    vmas: 32 + 8 * MMS * params.slots,
    mapCount: 16 + 8 * params.slots,
    objects: [params['file-pages'], params['shared-pages']],
    refcountBits: params['refcount-bits'],
  })
  const boot = new Task(memory, 0, params.policy as PolicyName)
  boot.begin()
  for (let slot = 0; slot < params.slots; slot++) {
    const start = layout.private + slot * layout.stride
    boot.mmap(0, start, start + params['slot-pages'], PRIVATE)
  }
  boot.mmap(0, layout.file, layout.file + params['file-pages'], PRIVATE_FILE)
  boot.mmap(0, layout.shared, layout.shared + params['shared-pages'], { write: true, object: SHARED, offset: 0 })
  boot.end()
  return { memory, layout }
}

function open({ shared, params, thread, random }: OpenContext<Shared, typeof specs>): Local {
  const { memory, layout } = shared
  const task = new Task(memory, thread, params.policy as PolicyName)
  const gup = new Gup(task.k)
  const sharedStamps = new LastingWords(task, layout.shared, params['shared-pages'])
  const stamps = new Stamps(task, memory.options.pages)
  return { task, gup, pins: new Pins(task, gup), stamps, sharedStamps, random }
}

/** What pins ask for: mostly to write, some to read, some of those for long; by force now and then. */
function someWish(random: Random): number {
  const draw = random.below(8)
  if (draw < 4) return FOLL_PIN | FOLL_WRITE
  if (draw < 5) return FOLL_PIN | FOLL_WRITE | FOLL_FORCE
  return draw < 7 ? FOLL_PIN : FOLL_PIN | FOLL_LONGTERM
}

function somePrivate({ layout }: Shared, params: Params, random: Random): number {
  return layout.private + random.below(params.slots) * layout.stride + random.below(params['slot-pages'])
}

function use({ shared, params, local, more, count }: Context): void {
  const { task, random, pins, stamps, sharedStamps } = local
  const tally = new Tally(task, count)
  const total = params.pin + params.share + params.force + params.touch
  task.begin()
  for (let turn = 1; more(); turn++) {
    const draw = random.below(Math.max(1, total))
    if (draw < params.pin) pinOne(params, local, somePrivate(shared, params, random), stamps, tally)
    else if (draw < params.pin + params.share)
      pinOne(params, local, shared.layout.shared + random.below(params['shared-pages']), sharedStamps, tally)
    else if (draw < params.pin + params.share + params.force) {
      const file = random.below(4) > 0
      const vpn = file ? shared.layout.file + random.below(params['file-pages']) : somePrivate(shared, params, random)
      if (tally.touched(pins.force(vpn, stamps))) tally.touched(stamps.touch(vpn, false))
    } else tally.touched(stamps.touch(somePrivate(shared, params, random), random.below(4) > 0))
    task.k.cpu.poll()
    task.k.rcu.poll()
    tally.sometimes()
    if ((turn & 63) === 0) report(local, count)
  }
  task.end()
  tally.report()
  report(local, count)
}

/** Pins one page, perhaps several times, lets devices use it, and gives the pins back. */
function pinOne(params: Params, { pins, random, task }: Local, vpn: number, content: Content, tally: Tally): void {
  for (let n = random.below(params.pins); n >= 0; n--)
    tally.touched(pins.take(vpn, someWish(random), random.below(8) > 0, content))
  for (let n = 0; n < params.hold && pins.held.length > 0; n++) {
    pins.exchange(pins.held[random.below(pins.held.length)], random.below(2) > 0)
    task.k.cpu.poll()
  }
  while (pins.held.length > 0) pins.drop(pins.held[random.below(pins.held.length)])
}

function report({ gup, pins }: Local, count: Context['count']): void {
  tell(gup.stats, count)
  tell(pins.stats, count)
}

/** Hands counters over and begins them again. */
function tell<K extends string>(stats: Record<K, number>, count: Context['count']): void {
  for (const name of Object.keys(stats) as K[]) {
    if (stats[name] > 0) count(`pins.${name}`, stats[name])
    stats[name] = 0
  }
}

function change({ shared, params, local, more, count, random }: Context): void {
  const { task } = local
  const { layout } = shared
  const tally = new Tally(task, count)
  const { drop, protect, unmap, fork } = params
  task.begin()
  while (more()) {
    const draw = random.below(Math.max(1, drop + protect + unmap + fork))
    const vpn = somePrivate(shared, params, random)
    const slot = vpn - ((vpn - layout.private) % layout.stride)
    const end = slot + params['slot-pages']
    if (draw < drop) dropSome(shared, params, local, vpn, end, tally)
    else if (draw < drop + protect) tally.changed(task.mprotect(0, vpn, end, random.below(3) > 0))
    else if (draw < drop + protect + unmap) {
      if (random.oneIn(2)) tally.changed(task.munmap(0, slot, end))
      tally.changed(task.mmap(0, slot, end, PRIVATE))
    } else haveChild(shared, params, local, count)
    // What was freed is somebody's page again at once.
    if (random.oneIn(2)) tally.touched(local.stamps.touch(somePrivate(shared, params, random), true))
    task.k.rcu.poll()
    tally.sometimes()
  }
  task.end()
  tally.report()
}

/** Drops a page or the rest of its slot; or pages of the file, if somebody writes there by force. */
function dropSome(
  { layout }: Shared,
  params: Params,
  { task, random }: Local,
  vpn: number,
  end: number,
  tally: Tally,
): void {
  if (params.force > 0 && random.oneIn(2)) {
    for (let n = 0; n < params['file-pages']; n++) {
      const page = layout.file + random.below(params['file-pages'])
      tally.changed(task.dontneed(0, page, page + 1))
    }
  } else tally.changed(task.dontneed(0, vpn, random.oneIn(2) ? vpn + 1 : end))
}

/** Forks, writes to some pages as the child or from outside, and ends it. */
function haveChild(shared: Shared, params: Params, local: Local, count: Context['count']): void {
  const { task, gup, random, stamps } = local
  const child = task.fork()
  count(child === -1 ? 'forks.enomem' : 'forks', 1)
  if (child === -1) return
  const { mms, cpu } = task.k
  const write = (vpn: number) => void stamps.touch(vpn, true)
  if (random.oneIn(2) && keepPage(task, gup, child, somePrivate(shared, params, random), write)) count('pins.kept', 1)
  if (random.oneIn(2)) gup.writeRemote(mms[child], somePrivate(shared, params, random), cpu.id, -1)
  if (random.oneIn(2) && task.switchMm(child)) {
    for (let n = 0; n < 4; n++) {
      const vpn = somePrivate(shared, params, random)
      const data = task.access(vpn, true)
      if (data < 0) continue
      Atomics.store(task.k.w, data + task.k.cpu.id, -1)
      task.accessed(vpn)
    }
    task.switchMm(0)
  }
  task.exit(child)
}

/** Nobody has the right to write to the file, so nobody has written to it. */
function checkFile({ memory }: Shared): void {
  const w = memory.arena.words
  const file = memory.objects[FILE - 1]
  for (let page = 0; page < Atomics.load(w, file.base + OBJECT.size); page++) {
    const frame = Atomics.load(w, file.base + OBJECT.size + 1 + page)
    if (frame === 0) continue
    for (let cpu = 0; cpu < memory.options.cpus; cpu++) {
      const found = Atomics.load(w, objectAt(memory.frames, frame) + DATA_AT + cpu)
      if (found !== 0)
        violated('DATA', `page ${page} of the file holds ${found}, which cpu ${cpu} wrote to a private mapping`)
    }
  }
}

const body = {
  open,
  ...rests,
}

export function pinScenario(
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
    check: ({ shared }) => {
      checkFile(shared)
      audit(shared.memory)
    },
  }
}
