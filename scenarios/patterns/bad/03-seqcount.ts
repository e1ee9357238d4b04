/**
 * 03, wrong: the reader makes sure that no writer is at work, and then reads without looking again.
 *
 * A writer may come at any moment after the first look. The second look is what the counter is for.
 *
 * $ npx torture explore 03-seqcount-bad --seed 1 --cpus 1
 * ✖ 03-seqcount-bad.1  fail
 * step  writer[0]                             reader[0]
 *    0                                        begins
 *    1                                        load sequence[0] → 0
 *    2                                        load pair[0] → 0
 *       ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ preempted ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
 *    3  begins
 *    4  store sequence[0] ← 1
 *    5  store pair[0] ← 1
 *    6  store pair[1] ← 1
 *    7  store sequence[0] ← 2
 *
 *    8                                        load pair[1] → 1  ← step 6 writer[0]
 *
 * fail in reader[0]: a reader used one word from before a change and one from after it
 * found by random in execution 7; minimised from 9 steps and 3 switches to 9 and 2 in 45 executions
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { seqcount } from '../03-seqcount.ts'

export default defineScenario({
  name: '03-seqcount-bad',
  summary: 'a sequence counter whose readers look at it once: half of a change is used',
  tags: ['bad'],
  // wrong: what was even may have changed since
  ...seqcount((_, before) => (before & 1) !== 0),
})
