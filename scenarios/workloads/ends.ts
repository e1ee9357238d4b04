/** How bodies over an address space rest, and what is looked at when all have come home: the same in every scenario. */
import { audit } from '../../lib/check/audit.ts'
import type { MemoryImage } from '../../lib/mm/memory.ts'
import type { Task } from '../../lib/mm/task.ts'

interface Resting {
  readonly task: Task
}

/** Of a body: a thread that sleeps outside of it is not waited for by shootdowns and grace periods. */
export const rests = {
  pause: ({ task }: Resting) => task.sleep(),
  resume: ({ task }: Resting) => task.wake(),
}

/** Of a scenario. */
export const audited = {
  check: ({ shared }: { readonly shared: { readonly memory: MemoryImage } }) => audit(shared.memory),
}
