/**
 * A mapping that is moved to another place and back, while a shrinker comes to its pages by way of the file, and a third
 * CPU looks at both places. Where whole page tables are moved a shrinker that has found a page believes in its address
 * until it is done with it; where entries are moved one by one it may find a page at its new address already; and where
 * it puts its flushes off, who moves finds entries gone that are still in use.
 */
import { audit } from '../../lib/check/audit.ts'
import { FAULT_OK } from '../../lib/mm/fault/fault-codes.ts'
import { createMemory, type MemoryImage, PCP_HIGH } from '../../lib/mm/memory.ts'
import { shrinkFile } from '../../lib/mm/page/shrink.ts'
import { POLICIES, type PolicyName } from '../../lib/mm/policy/policy.ts'
import { Task } from '../../lib/mm/task.ts'
import { defineScenario, type OpenContext, type ParamValues, type RunContext } from '../../torture/scenario.ts'

const TABLE_BITS = 2
/** Pages of a table. */
const TABLE = 1 << TABLE_BITS
/** Number + 1 of the file. */
const FILE = 1

const params = {
  policy: { default: 'vma-lock', choices: [...POLICIES], describe: 'how faults are kept out of the way' },
  tables: {
    // Of more than 33 pages the whole TLB is flushed when the old place is unmapped, and with it what was to be found.
    default: 4,
    min: 1,
    max: 64,
    describe: 'page tables that the mapping fills',
  },
  shift: {
    default: 0,
    min: 0,
    max: TABLE - 1,
    describe: 'pages by which the second place lies off the borders of tables: off them entries are moved one by one',
  },
  abroad: {
    default: 0,
    min: 0,
    max: 1,
    describe: '1: the mover is in another address space while it moves, and flushes by others do not wait for it',
  },
  batch: { default: 1, min: 1, max: 32, describe: 'pages that the shrinker unmaps at once' },
  batched: { default: 0, min: 0, max: 1, describe: '1: the shrinker flushes once for all of them' },
} as const

interface Shared {
  readonly memory: MemoryImage
}

type Context = RunContext<Shared, typeof params, Task>

const placesOf = ({ tables, shift }: ParamValues<typeof params>) => [TABLE, (2 + tables) * TABLE + shift] as const

const opener = (mm: number) => ({
  open: ({ shared, params: given, thread }: OpenContext<Shared, typeof params>) =>
    new Task(shared.memory, thread, given.policy as PolicyName, mm),
  pause: (task: Task) => task.sleep(),
  resume: (task: Task) => task.wake(),
})

/** Uses the pages where they are, which brings back what the shrinker took, and moves them. */
function move({ params: given, local: task, more, count }: Context): void {
  const places = placesOf(given)
  const pages = given.tables * TABLE
  let at = 0
  let moves = 0
  task.begin()
  for (; more(); moves++) {
    use(task, places[at], pages)
    if (given.abroad === 1) task.switchMm(1)
    if (task.mremap(0, places[at], places[at] + pages, { pages, to: places[1 - at] }) === places[1 - at]) at = 1 - at
    if (given.abroad === 1) task.switchMm(0)
    task.k.rcu.poll()
  }
  task.end()
  count('moves', moves)
}

function use(task: Task, start: number, pages: number): void {
  for (let vpn = start; vpn < start + pages; vpn++) if (task.access(vpn, false) > FAULT_OK) task.accessed(vpn)
  // As the kernel does before it unmaps: a page in a CPU's batch is referenced, and nobody frees it.
  task.k.frames.drainLru()
}

/** Looks at both places without faults: these would wait for the mover, and see nothing of what it does. */
function look({ params: given, local: task, more, count }: Context): void {
  const places = placesOf(given)
  const pages = given.tables * TABLE
  let seen = 0
  task.begin()
  while (more()) {
    for (const place of places) {
      for (let vpn = place; vpn < place + pages; vpn++) {
        if (task.accessNofault(vpn, false) === 0) continue
        task.accessed(vpn)
        seen++
      }
    }
    task.k.rcu.poll()
  }
  task.end()
  count('seen', seen)
}

function shrink({ params: given, local: task, more, count }: Context): void {
  const options = { pages: given.batch, batched: given.batched === 1, force: true }
  let [unmapped, freed] = [0, 0]
  task.begin()
  while (more()) {
    const shrunk = shrinkFile(task.k, FILE, options)
    unmapped += shrunk.unmapped
    freed += shrunk.freed
    task.k.rcu.poll()
  }
  task.end()
  count('unmapped', unmapped)
  count('freed', freed)
}

export default defineScenario({
  name: 'mremap-shrink',
  summary: 'a mapping that moves to and fro, while a shrinker takes its pages and a third CPU looks at both places',
  tags: ['mm'],
  params,
  setup: ({ params: given, threads }): Shared => {
    const cpus = threads.mover + threads.reader + threads.shrinker
    const pages = given.tables * TABLE
    const [home, other] = placesOf(given)
    const memory = createMemory({
      cpus,
      mms: 2,
      pages: other + pages + TABLE,
      levels: 5,
      tableBits: TABLE_BITS,
      frames: 64 + cpus * (PCP_HIGH + 64) + pages,
      vmas: 8,
      mapCount: 4,
      files: [pages],
    })
    const boot = new Task(memory, 0, given.policy as PolicyName)
    boot.begin()
    boot.mmap(0, home, home + pages, { write: true, object: FILE, offset: 0 })
    boot.end()
    return { memory }
  },
  threads: {
    mover: { count: 1, ...opener(0), run: move },
    reader: { count: 1, ...opener(0), run: look },
    // In an address space of its own: nobody interrupts it for the flushes of the other.
    shrinker: { count: 1, ...opener(1), run: shrink },
  },
  inconclusive: ({ counters }) => {
    const missing = ['moves', 'seen', 'freed'].filter(name => (counters[name] ?? 0) === 0)
    return missing.length === 0 ? undefined : `never counted: ${missing.join(', ')}`
  },
  check: ({ shared }) => audit(shared.memory),
})
