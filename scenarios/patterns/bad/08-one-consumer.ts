/**
 * 08, wrong: the consumers do without a lock, since the producers do.
 *
 * One has read that 1 is in front and 2 behind it. The other takes 1, takes 2, and puts 1 back. The first finds 1 in
 * front, as it was, and puts 2 in front: a node that is in the other's hands.
 *
 * $ npx torture explore 08-one-consumer-bad --seed 1 --cpus 1
 * ✖ 08-one-consumer-bad.1  fail
 * step  consumer[0]                      recycler[0]
 *    0  begins
 *    1  load head[0] → 1
 *    2  load next[1] → 2
 *       preempted ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
 *    3                                   begins
 *    4                                   load head[0] → 1
 *    5                                   load next[1] → 2
 *    6                                   compareExchange head[0] 1 → 2 ok
 *    7                                   load head[0] → 2
 *    8                                   load next[2] → 0
 *    9                                   compareExchange head[0] 2 → 0 ok
 *   10                                   load head[0] → 0
 *   11                                   store next[1] ← 0
 *   12                                   compareExchange head[0] 0 → 1 ok
 *
 *   13  compareExchange head[0] 1 → 2 ok  ← step 12 recycler[0]
 *
 * check in check: each node is in the stack or in somebody's hands, once: '1,2,2' !== '1,2'
 * found by dpor in execution 14; minimised from 14 steps and 2 switches to 14 and 2 in 41 executions
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { oneConsumer, takeOne } from '../08-one-consumer.ts'

export default defineScenario({
  name: '08-one-consumer-bad',
  summary: 'a stack with two consumers at a time: a node returns, and is taken for the same list (ABA)',
  tags: ['bad'],
  // wrong: who has read the first node must be the only one who takes it out
  ...oneConsumer(takeOne),
})
