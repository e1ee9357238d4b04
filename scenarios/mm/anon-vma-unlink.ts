/**
 * One fault in a VMA, and one thread that moves the VMA's pages away, which leaves it without an anon_vma, and unmaps its
 * neighbour. Small enough to be explored.
 */
import { audit } from '../../lib/check/audit.ts'
import { createMemory, type MemoryImage } from '../../lib/mm/memory.ts'
import { POLICIES, type PolicyName } from '../../lib/mm/policy/policy.ts'
import { Task } from '../../lib/mm/task.ts'
import { defineScenario } from '../../torture/scenario.ts'

/** Two VMAs side by side, each with an anon_vma of its own, and room for the first one. */
const FIRST = 1
const SECOND = 3
const END = 5
const ROOM = 6
const PRIVATE = { write: true, object: 0, offset: 0 }

interface Shared {
  readonly memory: MemoryImage
}

/** Writes to a page, whether or not it may. */
function write(task: Task, vpn: number): void {
  if (task.access(vpn, true) > 0) task.accessed(vpn)
}

export default defineScenario({
  name: 'anon-vma-unlink',
  summary: 'a fault in a VMA whose pages are moved away, beside a neighbour that is unmapped',
  tags: ['mm'],
  params: {
    policy: { default: 'vma-lock', choices: [...POLICIES], describe: 'how faults are kept out of the way' },
  },
  setup: ({ params }): Shared => {
    const options = { cpus: 2, mms: 1, pages: 8, levels: 2, tableBits: 3, frames: 32, vmas: 6, mapCount: 6 }
    const memory = createMemory(options)
    const boot = new Task(memory, 0, params.policy as PolicyName)
    boot.begin()
    boot.mmap(0, FIRST, SECOND - 1, PRIVATE)
    boot.mmap(0, SECOND, END, PRIVATE)
    // While there is a gap between them neither takes the other's anon_vma.
    write(boot, FIRST)
    write(boot, SECOND)
    boot.mmap(0, SECOND - 1, SECOND, PRIVATE)
    boot.end()
    return { memory }
  },
  threads: {
    faulter: {
      open: ({ shared, params }) => new Task(shared.memory, 0, params.policy as PolicyName),
      run: ({ local: task }) => {
        task.begin()
        write(task, SECOND - 1)
        task.end()
      },
    },
    mover: {
      open: ({ shared, params }) => new Task(shared.memory, 1, params.policy as PolicyName),
      run: ({ local: task }) => {
        task.begin()
        task.mremap(0, FIRST, SECOND, { pages: SECOND - FIRST, to: ROOM, keep: true })
        task.munmap(0, SECOND, END)
        task.end()
      },
    },
  },
  check: ({ shared }) => audit(shared.memory),
})
