/**
 * 04, wrong: a release and an acquire, in the hope that they will do.
 *
 * A release keeps what is before it before it, an acquire what is after it after it. Here the store comes first and the
 * load second, and neither says anything about that: both stores wait in their buffers while both loads find nothing.
 *
 * $ npx torture explore 04-store-buffering-bad --memory-model tso --seed 1 --cpus 1
 * ✖ 04-store-buffering-bad.1  fail
 * step  left[0]                       right[0]
 *    0  begins
 *    1  store left[0] ← 1 (delayed)
 *    2  load right[0] → 0
 *
 *    3                                begins
 *    4                                store right[0] ← 1 (delayed)
 *    5                                load left[0] → 0
 *
 *    6  left[0] ← 1 reaches memory
 *
 *    7                                right[0] ← 1 reaches memory
 *
 * outcome in outcome: outcome 0,0 is forbidden: neither saw the other: both think that they are alone
 * found by sequential in execution 1; minimised from 8 steps and 3 switches to 8 and 3 in 44 executions
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { storeBuffering } from '../04-store-buffering.ts'

export default defineScenario({
  name: '04-store-buffering-bad',
  summary: 'each of two threads raises its flag and looks too early: --memory-model tso',
  tags: ['bad'],
  // wrong: a load may overtake the store before it
  ...storeBuffering(
    flag => Atomics.store(flag, 0, 1, 'release'),
    flag => Atomics.load(flag, 0, 'acquire'),
  ),
})
