/**
 * Everything at once: address spaces that fork, end and are reaped, files, mappings that move, pages that are pinned,
 * pages that are taken away. Behind the pages of the families (families.ts) each address space has
 *
 *     file   a file mapped shared, whose content is known to every thread
 *     wild   whatever comes: private memory, the file privately, stacks, moved about; what is written there nobody remembers,
 *            but every other oracle watches
 */
import { FileStamps } from '../../lib/check/file-stamps.ts'
import { mmdrop, mmgrabNotZero } from '../../lib/mm/call/mm-life.ts'
import { oomReap } from '../../lib/mm/call/oom-reaper.ts'
import { FOLL_PIN, FOLL_WRITE } from '../../lib/mm/gup/foll.ts'
import { Gup } from '../../lib/mm/gup/gup.ts'
import { shrinkFile } from '../../lib/mm/page/shrink.ts'
import { writeback } from '../../lib/mm/page/writeback.ts'
import { sampleReferences } from '../../lib/mm/rmap/rmap.ts'
import type { Task } from '../../lib/mm/task.ts'
import type { OpenContext, ParamValues, RunContext, Scenario, SetupContext } from '../../torture/scenario.ts'
import { audited, rests } from './ends.ts'
import {
  beyondAt,
  burst,
  change,
  endOne,
  type Local as FamilyLocal,
  specs as familySpecs,
  forkOne,
  open as openFamily,
  type Shared,
  setup as setupFamilies,
  wander,
} from './families.ts'
import { Tally } from './tally.ts'

export const specs = {
  ...familySpecs,
  children: { ...familySpecs.children, default: 4 },
  pages: { ...familySpecs.pages, default: 16 },
  file: { default: 8, min: 1, max: 256, describe: 'pages of the file' },
  wild: { default: 32, min: 8, max: 1024, describe: 'pages where mappings come, go and move' },
} as const

type Params = ParamValues<typeof specs>
type Context = RunContext<Shared, typeof specs, Local>

interface Local extends FamilyLocal {
  readonly file: FileStamps
  readonly gup: Gup
}

/** The shared object is the first, the file the second; each by its number + 1. */
const FILE = 2
const GAP = 2

const wildAt = (params: Params) => beyondAt(params) + params.file + GAP

function setup(context: SetupContext<typeof specs>): Shared {
  const { params } = context
  return setupFamilies(context, {
    pages: params.file + GAP + params.wild,
    files: [params.file],
    vmas: 12,
    map: (boot, start) =>
      boot.mmap(0, start, start + params.file, { write: true, object: FILE, offset: 0, shared: true }),
  })
}

function open(context: OpenContext<Shared, typeof specs>): Local {
  const family = openFamily(context)
  return { ...family, file: new FileStamps(family.task, context.params.file), gup: new Gup(family.task.k) }
}

/** What a thread does between two looks at whether it is to stop; each as likely as the others. */
const ACTIONS: readonly ((context: Context, tally: Tally) => void)[] = [
  useFamily,
  useFamily,
  useFile,
  useWild,
  useWild,
  mapWild,
  moveWild,
  pin,
  ({ shared, params, local, count }, tally) => forkOne(shared, local, params, tally, count),
  endSome,
  ({ params, local, random }, tally) => {
    const draw = random.below(params.protect + params.drop + params.remap)
    if (wander(local)) tally.changed(change(local, params, draw))
  },
  kernelWork,
]

function run(context: Context): void {
  const { shared, local, more, count, random } = context
  const { task } = local
  const tally = new Tally(task, count)
  task.begin()
  count('operations', 0)
  while (more()) {
    // Of a process whose pages are being taken away there is nothing to be done.
    if (wander(local)) ACTIONS[random.below(ACTIONS.length)](context, tally)
    count('operations', 1)
    task.k.rcu.poll()
    tally.sometimes()
  }
  for (let id = 1; id < shared.alive.length; id++) endOne(shared, task, id)
  task.end()
  tally.report()
}

function useFamily(context: Context, tally: Tally): void {
  const { shared, params, local, count } = context
  if (burst(local, params, tally)) return
  count('killed', 1)
  if (endOne(shared, local.task, local.task.home)) count('exits', 1)
  local.task.switchMm(0)
}

function useFile({ params, local, random }: Context, tally: Tally): void {
  for (let n = 0; n < params.burst; n++) {
    const page = random.below(params.file)
    const write = random.below(100) < params.writes
    if (!tally.touched(local.file.touchShared(beyondAt(params) + page, page, write))) return
  }
}

/** Accesses that nobody remembers: they fault, fill the TLB, and must not meet what is not theirs. */
function useWild({ params, local, random }: Context, tally: Tally): void {
  const { task } = local
  for (let n = 0; n < params.burst; n++) {
    const vpn = wildAt(params) + random.below(params.wild)
    const data = task.access(vpn, random.below(100) < params.writes)
    tally.touched(data < 0 ? -data : 0)
    if (data > 0) task.accessed(vpn)
  }
}

/** Some pages of the wild area. */
function somePages({ params, random }: Context): { start: number; end: number } {
  const pages = 1 + random.below(params.wild / 2)
  const start = wildAt(params) + random.below(params.wild - pages + 1)
  return { start, end: start + pages }
}

function mapWild(context: Context, tally: Tally): void {
  const { params, local, random } = context
  const { task } = local
  const { start, end } = somePages(context)
  const pages = Math.min(end - start, params.file)
  switch (random.below(7)) {
    case 0:
      tally.changed(task.munmap(task.home, start, end))
      break
    case 1:
      tally.changed(task.mprotect(task.home, start, end, random.oneIn(2)))
      break
    case 2:
      tally.changed(task.dontneed(task.home, start, end))
      break
    case 3:
      // Copies of the file's pages, and the pages themselves until they are written to.
      tally.changed(task.mmap(task.home, start, start + pages, { write: true, object: FILE, offset: 0, shared: false }))
      break
    case 4:
      // One page, and as many below as are touched.
      tally.changed(task.mmap(task.home, end - 1, end, { write: true, object: 0, offset: 0, growsDown: true }))
      break
    default:
      tally.changed(task.mmap(task.home, start, end, { write: true, object: 0, offset: 0 }))
  }
}

/** Moves a mapping, or what there is of one, to another place of the wild area. */
function moveWild(context: Context): void {
  const { params, local, random, count } = context
  const { task } = local
  const { start, end } = somePages(context)
  const pages = Math.max(1, end - start - random.below(3))
  const to = wildAt(params) + random.below(params.wild - pages + 1)
  count(task.mremap(task.home, start, end, { pages, to }) >= 0 ? 'moves' : 'moves.refused', 1)
}

/** Takes a page out of the address space, lets others work, and gives it back. */
function pin({ params, local, random, count }: Context, tally: Tally): void {
  const { task, gup } = local
  const foll = FOLL_PIN | (random.oneIn(2) ? FOLL_WRITE : 0)
  const vpn = random.oneIn(2)
    ? wildAt(params) + random.below(params.wild)
    : beyondAt(params) + random.below(params.file)
  const frame = gup.getFast(task.mm, vpn, foll)
  if (frame < 0) return
  count('pins', 1)
  useOther(task, params, random.below(4), tally, random.below(params.wild))
  gup.release(frame, foll, (foll & FOLL_WRITE) !== 0)
}

/** Some accesses elsewhere, while a page is held. */
function useOther(task: Task, params: Params, times: number, tally: Tally, from: number): void {
  for (let n = 0; n < times; n++) {
    const vpn = wildAt(params) + ((from + n) % params.wild)
    const data = task.access(vpn, false)
    tally.touched(data < 0 ? -data : 0)
    if (data > 0) task.accessed(vpn)
  }
}

function endSome({ shared, local, random, count }: Context): void {
  if (shared.alive.length > 1 && endOne(shared, local.task, 1 + random.below(shared.alive.length - 1)))
    count('exits', 1)
}

/** What the kernel does on its own: writes and drops pages, asks which are used, and takes a process' pages away. */
function kernelWork({ shared, params, local, random, count }: Context): void {
  const { k } = local.task
  const draw = random.below(5)
  if (draw === 0) writeback(k, FILE)
  else if (draw === 1)
    shrinkFile(k, FILE, { pages: 1 + random.below(params.file), batched: random.oneIn(2), force: random.oneIn(2) })
  else if (draw === 2) {
    for (let n = 0; n < SAMPLES; n++) sampleReferences(k, 1 + random.below(shared.memory.options.frames - 1))
  } else if (draw === 3 && shared.alive.length > 1) reap({ shared, local, random, count })
  else workLazily(local)
}

const SAMPLES = 32

function reap({ shared, local, random, count }: Pick<Context, 'shared' | 'local' | 'random' | 'count'>): void {
  const { k } = local.task
  const id = 1 + random.below(shared.alive.length - 1)
  if (!mmgrabNotZero(k, k.mms[id])) return
  // Killed: whoever comes to a page of it that was taken finds out.
  if (Atomics.load(shared.alive, id) !== 0) {
    oomReap(k, k.mms[id])
    count('reaped', 1)
  }
  mmdrop(k, k.mms[id])
}

/** Kernel work for which any address space will do; the one that is loaded stays loaded. */
function workLazily({ task, lineage, random }: Local): void {
  const { home } = task
  task.enterLazy()
  task.k.cpu.delay(random.below(20))
  if (!task.switchMm(home) || !lineage.arrive()) task.switchMm(0)
}

const body = {
  open,
  ...rests,
}

export function chaosScenario(
  about: Pick<Scenario, 'name' | 'summary' | 'inconclusive'>,
): Scenario<Shared, typeof specs> {
  return {
    ...about,
    tags: ['mm'],
    params: specs,
    setup,
    threads: { worker: { count: 'cpus', ...body, run } },
    ...audited,
  }
}
