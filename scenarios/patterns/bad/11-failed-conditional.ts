/**
 * 11, wrong: the failure is taken for an acquire.
 *
 * The user finds 0, and reads the reason; or has read the reason before it found 0, as nothing forbids.
 *
 * $ npx torture explore 11-failed-conditional-bad --memory-model pso --seed 1 --cpus 1
 * ✖ 11-failed-conditional-bad.1  fail
 * step  closer[0]                        user[0]
 *    0  begins
 *    1  store reason[0] ← 42 (delayed)
 *    2  reason[0] ← 42 reaches memory
 *    3  compareExchange users[0] 1 → 0 ok
 *
 *    4                                   begins
 *    5                                   load users[0] → 0  ← step 3 closer[0]
 *    6                                   the next load of reason[0] finds an earlier value
 *    7                                   load reason[0] → 0
 *
 * fail in user[0]: the service is closed, and the reason is not to be seen
 * found by random in execution 6; minimised from 8 steps and 6 switches to 8 and 5 in 47 executions
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { failedConditional } from '../11-failed-conditional.ts'

export default defineScenario({
  name: '11-failed-conditional-bad',
  summary: 'who could not get in reads what was written before, or not yet: --memory-model pso',
  tags: ['bad'],
  // wrong: an operation that did nothing orders nothing
  ...failedConditional(() => {}),
})
