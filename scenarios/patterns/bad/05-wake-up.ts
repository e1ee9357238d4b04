/**
 * 05, wrong: the sleeper looks, finds that it must sleep, and says so.
 *
 * Between the two steps the waker does its work and finds nobody to wake. The sleeper sleeps for ever. No barrier helps,
 * and no weak memory is needed: the steps are in the wrong order.
 *
 * $ npx torture explore 05-wake-up-bad --seed 1 --cpus 1
 * ✖ 05-wake-up-bad.1  hang
 * step  sleeper[0]               waker[0]
 *    0  begins
 *    1  load done[0] → 0
 *       preempted ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
 *    2                           begins
 *    3                           store done[0] ← 1
 *    4                           load sleeping[0] → 0
 *
 *    5  store sleeping[0] ← 1
 *    6  wait permit[0] (sleeps)
 *
 * HANG in sleeper[0]: deadlock: sleeper[0] waits on permit[0] (nobody notified it)
 * found by random in execution 5; minimised from 7 steps and 3 switches to 7 and 2 in 15 executions
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { wakeUp } from '../05-wake-up.ts'

export default defineScenario({
  name: '05-wake-up-bad',
  summary: 'a sleeper looks, and then says that it sleeps: the wake-up gets lost',
  tags: ['bad'],
  ...wakeUp(({ done, sleeping }) => {
    const must = Atomics.load(done, 0) === 0
    // wrong: whoever has looked for sleepers before this will not come again
    Atomics.store(sleeping, 0, 1)
    return must
  }),
})
