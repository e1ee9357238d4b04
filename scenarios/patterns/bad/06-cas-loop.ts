/**
 * 06, wrong: looked at, found smaller, and overwritten.
 *
 * Between the look and the store somebody else stores a larger value, and it is gone.
 *
 * $ npx torture explore 06-cas-loop-bad --seed 1 --cpus 1
 * ✖ 06-cas-loop-bad.1  fail
 * step  observer[0]              observer[1]              observer[2]
 *    0  begins
 *    1  load largest[0] → 0
 *       preempted ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
 *    2                                                    begins
 *    3                                                    load largest[0] → 0
 *    4                                                    store largest[0] ← 3
 *
 *    5                           begins
 *    6                           load largest[0] → 3  ← step 4 observer[2]
 *
 *    7  store largest[0] ← 1
 *
 * check in check: the largest value that was seen: 1 !== 3
 * found by random in execution 5; minimised from 9 steps and 5 switches to 8 and 3 in 26 executions
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { casLoop } from '../06-cas-loop.ts'

export default defineScenario({
  name: '06-cas-loop-bad',
  summary: 'the largest value is kept by a test and a store: a larger one gets lost',
  tags: ['bad'],
  ...casLoop((largest, value) => {
    // wrong: it may be larger by the time of the store
    if (Atomics.load(largest, 0) < value) Atomics.store(largest, 0, value)
  }),
})
