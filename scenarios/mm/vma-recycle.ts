/**
 * One fault, and one thread that takes the VMA away from under it, gives it to another address space, and ends that one.
 * Small enough to be explored: stress hardly ever gets into windows that lie one in the other.
 */
import { audit } from '../../lib/check/audit.ts'
import { mmAlloc } from '../../lib/mm/call/mm-life.ts'
import { createMemory, type MemoryImage } from '../../lib/mm/memory.ts'
import { POLICIES, type PolicyName } from '../../lib/mm/policy/policy.ts'
import { Task } from '../../lib/mm/task.ts'
import { defineScenario } from '../../torture/scenario.ts'

const START = 1
const END = 3
const PRIVATE = { write: true, object: 0, offset: 0 }

interface Shared {
  readonly memory: MemoryImage
}

export default defineScenario({
  name: 'vma-recycle',
  summary: 'a VMA that becomes one of another address space, which ends, under a fault that has found it',
  tags: ['mm'],
  params: {
    policy: { default: 'vma-lock', choices: [...POLICIES], describe: 'how faults are kept out of the way' },
  },
  setup: ({ params }): Shared => {
    const options = {
      cpus: 2,
      mms: 2,
      firstMms: 1,
      pages: 8,
      levels: 2,
      tableBits: 3,
      frames: 32,
      vmas: 4,
      mapCount: 4,
    }
    const memory = createMemory(options)
    const boot = new Task(memory, 0, params.policy as PolicyName)
    boot.begin()
    boot.mmap(0, START, END, PRIVATE)
    boot.end()
    return { memory }
  },
  threads: {
    faulter: {
      open: ({ shared, params }) => new Task(shared.memory, 0, params.policy as PolicyName),
      run: ({ local: task }) => {
        task.begin()
        if (task.access(START, true) > 0) task.accessed(START)
        task.end()
      },
    },
    recycler: {
      open: ({ shared, params }) => new Task(shared.memory, 1, params.policy as PolicyName),
      run: ({ local: task }) => {
        task.begin()
        task.munmap(0, START, END)
        const other = mmAlloc(task.k)
        task.mmap(other, START, END, PRIVATE)
        task.exit(other)
        task.end()
      },
    },
  },
  check: ({ shared }) => audit(shared.memory),
})
