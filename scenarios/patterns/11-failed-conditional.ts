/**
 * 11. A failure orders nothing
 *
 * Operations that may leave the cell as it is ("add one unless it is 0") come in full order if they succeed. If they fail
 * they were a load, relaxed, and nothing more. Whoever goes on from a failure as if it had been an acquire reads things
 * that may be older than the failure.
 *
 * Here a service is closed: the reason is written, and then the count of users goes to 0. A user that cannot get in wants
 * to know the reason. It has read that there is a 0 and that was all; the acquire has to be said.
 *
 * P. Bonzini, "Lockless patterns: more read-modify-write operations", LWN.net, 19 March 2021; and the kernel's
 * Documentation/atomic_t.txt: a conditional operation that fails has no ordering.
 *
 * $ npx torture explore 11-failed-conditional --seed 1 --cpus 1
 * ✔ 11-failed-conditional.1  nothing found, and nothing left to explore within the bounds
 *   work     217 executions, 944/s · 230 ms
 *   proof    all 5 classes of interleavings explored, …
 */
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells } from '../classics/_classic.ts'

export interface Shared {
  /** 1 while the service is open, and one more for each user; 0: it is closed. */
  readonly users: Int32Array
  readonly reason: Int32Array
}

/** Adds one unless it is 0; whether it did. */
function incNotZero(users: Int32Array): boolean {
  let old = Atomics.load(users, 0, 'relaxed')
  while (old !== 0) {
    const found = Atomics.compareExchange(users, 0, old, old + 1)
    if (found === old) return true
    old = found
  }
  return false
}

/** @param order puts in order what follows a failure */
export const failedConditional = (order: (users: Int32Array) => void): Classic<Shared> => ({
  setup: () => {
    const users = cells()
    Atomics.store(users, 0, 1)
    return { users, reason: cells() }
  },
  threads: {
    closer: {
      run: ({ shared: { users, reason } }) => {
        Atomics.store(reason, 0, 42, 'relaxed')
        // When the last user has left.
        while (Atomics.compareExchange(users, 0, 1, 0, 'release') !== 1);
      },
    },
    user: {
      run: ({ shared: { users, reason }, fail }) => {
        if (incNotZero(users)) {
          Atomics.sub(users, 0, 1)
          return
        }
        order(users)
        const found = Atomics.load(reason, 0, 'relaxed')
        if (found !== 42) fail('the service is closed, and the reason is not to be seen', { found })
      },
    },
  },
})

export default defineScenario({
  name: '11-failed-conditional',
  summary: 'who could not get in acquires what was written before the door was shut',
  tags: ['pattern', 'lockless'],
  ...failedConditional(users => Atomics.load(users, 0, 'acquire')),
})
