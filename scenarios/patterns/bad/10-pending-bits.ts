/**
 * 10, wrong: the bits are read, and then the word is cleared.
 *
 * A request that comes in between is cleared and was never read. Who asked has set its bit by an atomic operation, found
 * something pending, and called nobody: it waits for ever.
 *
 * $ npx torture explore 10-pending-bits-bad --seed 1 --cpus 1
 * ✖ 10-pending-bits-bad.1  fail
 * step  asker[0]                 asker[1]                 worker[0]
 *    0  begins
 *    1  or pending[0] 0 → 1
 *    2  add calls[0] 0 → 1
 *
 *    3                                                    begins
 *    4                                                    load calls[0] → 1  ← step 2 asker[0]
 *    5                                                    load pending[0] → 1  ← step 1 asker[0]
 *       ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ preempted ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
 *    6                           begins
 *    7                           or pending[0] 1 → 3  ← step 1 asker[0]
 *
 *    8                                                    store pending[0] ← 0
 *    9                                                    or served[0] 0 → 1
 *
 * check in check: what was asked for is served, or pending: 1 !== 3
 * found by dpor in execution 15; minimised from 10 steps and 4 switches to 10 and 3 in 45 executions
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { pendingBits } from '../10-pending-bits.ts'

export default defineScenario({
  name: '10-pending-bits-bad',
  summary: 'requests are read and then cleared: one that comes in between gets lost',
  tags: ['bad'],
  ...pendingBits(pending => {
    const taken = Atomics.load(pending, 0)
    // wrong: this clears more than was taken
    Atomics.store(pending, 0, 0)
    return taken
  }),
})
