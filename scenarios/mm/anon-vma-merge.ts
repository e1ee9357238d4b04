/**
 * One fault in a VMA that has no page yet, and one thread that is about to merge it with a neighbour that has some, for
 * which there is no memory; then the neighbour goes. Small enough to be explored.
 */
import { audit } from '../../lib/check/audit.ts'
import { createMemory, type MemoryImage } from '../../lib/mm/memory.ts'
import { POLICIES, type PolicyName } from '../../lib/mm/policy/policy.ts'
import { Task } from '../../lib/mm/task.ts'
import { defineScenario } from '../../torture/scenario.ts'

/** Pages [START, BORDER) have no anon_vma, [BORDER, END) have one. */
const START = 1
const BORDER = 3
const END = 5
const PRIVATE = { write: true, object: 0, offset: 0 }

interface Shared {
  readonly memory: MemoryImage
}

/** Writes to a page, whether or not it may. */
function write(task: Task, vpn: number): void {
  if (task.access(vpn, true) > 0) task.accessed(vpn)
}

export default defineScenario({
  name: 'anon-vma-merge',
  summary: 'a fault in a VMA that is to be merged with its neighbour, for which there is no memory',
  tags: ['mm'],
  params: {
    policy: { default: 'vma-lock', choices: [...POLICIES], describe: 'how faults are kept out of the way' },
  },
  setup: ({ params }): Shared => {
    const options = { cpus: 2, mms: 1, pages: 8, levels: 2, tableBits: 3, frames: 32, vmas: 4, mapCount: 4 }
    const memory = createMemory(options)
    const boot = new Task(memory, 0, params.policy as PolicyName)
    boot.begin()
    boot.mmap(0, BORDER, END, PRIVATE)
    write(boot, BORDER)
    // Read-only, it does not merge with what comes now.
    boot.mprotect(0, BORDER, END, false)
    boot.mmap(0, START, BORDER, PRIVATE)
    boot.end()
    return { memory }
  },
  threads: {
    faulter: {
      open: ({ shared, params }) => new Task(shared.memory, 0, params.policy as PolicyName),
      run: ({ local: task }) => {
        task.begin()
        write(task, START)
        task.end()
      },
    },
    merger: {
      open: ({ shared, params }) => new Task(shared.memory, 1, params.policy as PolicyName),
      run: ({ local: task }) => {
        task.begin()
        task.k.shouldFail = () => true
        task.mprotect(0, BORDER, END, true)
        task.k.shouldFail = () => false
        task.munmap(0, BORDER, END)
        task.end()
      },
    },
  },
  check: ({ shared }) => audit(shared.memory),
})
