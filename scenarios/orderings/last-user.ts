/**
 * The last user of an object takes it apart. Each one writes to the object, gives its reference back, and whoever gave
 * back the last one reads what all have written. Giving it back is a release, so that what was written is there; for the
 * last one it is an acquire as well, which here comes after it, where it is known to be the last.
 *
 * All that orders the threads is read-modify-writes, which are full barriers on x86 and no more than they say on ARM:
 * what would go wrong there, only `torture explore --memory-model pso` can show.
 */

import type { Order } from '../../lib/shm/ordering.ts'
import { defineScenario } from '../../torture/scenario.ts'
import { cells } from '../classics/_classic.ts'

const USERS = 2

export interface Shared {
  readonly references: Int32Array
  readonly written: Int32Array
}

/** @param give the order of giving back, `last` that of the load with which the last one begins */
export const lastUser = (give: Order, last: Order) => ({
  setup: (): Shared => {
    const references = cells()
    Atomics.store(references, 0, USERS)
    return { references, written: cells(USERS) }
  },
  threads: {
    user: {
      count: USERS,
      run: ({ shared, index, fail }: { shared: Shared; index: number; fail: (message: string) => void }) => {
        const { references, written } = shared
        Atomics.store(written, index, 1, 'relaxed')
        if (Atomics.sub(references, 0, 1, give) > 1) return
        Atomics.load(references, 0, last)
        for (let user = 0; user < USERS; user++)
          if (Atomics.load(written, user, 'relaxed') !== 1) fail('the last user does not see what another one wrote')
      },
    },
  },
})

export default defineScenario({
  name: 'last-user',
  summary: 'whoever gives back the last reference sees what all users wrote: release and acquire',
  tags: ['ordering'],
  ...lastUser('release', 'acquire'),
})
