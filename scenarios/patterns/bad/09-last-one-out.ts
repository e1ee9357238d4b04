/**
 * 09, wrong: one is taken off, and then the count is looked at.
 *
 * Two take theirs off, both look, both find 0: the object is taken apart twice.
 *
 * $ npx torture explore 09-last-one-out-bad --seed 1 --cpus 1
 * ✖ 09-last-one-out-bad.1  fail
 * step  user[0]                 user[1]                 user[2]
 *    0  begins
 *    1  sub users[0] 3 → 2
 *    2  load users[0] → 2
 *
 *    3                          begins
 *    4                          sub users[0] 2 → 1  ← step 1 user[0]
 *       ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ preempted ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
 *    5                                                  begins
 *    6                                                  sub users[0] 1 → 0  ← step 4 user[1]
 *    7                                                  load users[0] → 0
 *    8                                                  add cleanups[0] 0 → 1
 *
 *    9                          load users[0] → 0  ← step 6 user[2]
 *   10                          add cleanups[0] 1 → 2  ← step 8 user[2]
 *
 * check in check: the last one cleans up: 2 !== 1
 * found by random in execution 3; minimised from 11 steps and 4 switches to 11 and 3 in 25 executions
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { lastOneOut } from '../09-last-one-out.ts'

export default defineScenario({
  name: '09-last-one-out-bad',
  summary: 'a count is lowered and then looked at: two clean up',
  tags: ['bad'],
  ...lastOneOut(users => {
    Atomics.sub(users, 0, 1)
    // wrong: the count may have gone on since
    return Atomics.load(users, 0) === 0
  }),
})
