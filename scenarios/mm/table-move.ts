/**
 * Whole page tables are moved from one address to another and back, while a shrinker comes to their pages by way of the
 * file and a third CPU reads them wherever they are. A shrinker that has found a page believes in its address until it
 * is done with it: until then the page must not be found at another one.
 */
import { audit } from '../../lib/check/audit.ts'
import { FAULT_OK } from '../../lib/mm/fault/fault.ts'
import { createMemory, type MemoryImage, PCP_HIGH } from '../../lib/mm/memory.ts'
import { shrinkFile } from '../../lib/mm/page/shrink.ts'
import { POLICIES, type PolicyName } from '../../lib/mm/policy/policy.ts'
import { Task } from '../../lib/mm/task.ts'
import { defineScenario, type OpenContext, type ParamValues, type RunContext } from '../../torture/scenario.ts'

const TABLE_BITS = 2
/** A page table's pages: only whole tables are moved as one. */
const TABLE = 1 << TABLE_BITS
/** Number + 1 of the file. */
const FILE = 1

const params = {
  policy: { default: 'vma-lock', choices: [...POLICIES], describe: 'how faults are kept out of the way' },
  tables: {
    default: 4,
    min: 1,
    // Of more pages than the hardware flushes one by one the whole TLB goes, and with it what was to be found.
    max: 8,
    describe: 'page tables that are moved at once',
  },
} as const

interface Shared {
  readonly memory: MemoryImage
}

type Context = RunContext<Shared, typeof params, Task>

const placesOf = ({ tables }: ParamValues<typeof params>) => [TABLE, (2 + tables) * TABLE] as const

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
    if (task.mremap(0, places[at], places[at] + pages, { pages, to: places[1 - at] }) === places[1 - at]) at = 1 - at
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

function shrink({ local: task, more, count }: Context): void {
  let [unmapped, freed] = [0, 0]
  task.begin()
  while (more()) {
    const shrunk = shrinkFile(task.k, FILE, { pages: 1, batched: false, force: true })
    unmapped += shrunk.unmapped
    freed += shrunk.freed
    task.k.rcu.poll()
  }
  task.end()
  count('unmapped', unmapped)
  count('freed', freed)
}

export default defineScenario({
  name: 'table-move',
  summary: 'page tables that are moved as a whole, while a shrinker takes pages out of them',
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
      levels: 4,
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
