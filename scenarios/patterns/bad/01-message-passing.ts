/**
 * 01, wrong: the flag is stored like anything else.
 *
 * The two stores may reach memory in either order, and in the wrong one the reader sees the flag and reads yesterday's
 * message. Neither JavaScript nor x86 does that to stores, so it takes a weaker memory to see it: `--memory-model pso`.
 *
 * $ npx torture explore 01-message-passing-bad --memory-model pso --seed 1 --cpus 1
 * ✖ 01-message-passing-bad.1  fail
 * step  writer[0]                         reader[0]
 *    0  begins
 *    1  store message[0] ← 42 (delayed)
 *    2  the next store to ready[0] overtakes the one before
 *    3  store ready[0] ← 1 (delayed)
 *    4  ready[0] ← 1 reaches memory
 *       preempted ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
 *    5                                    begins
 *    6                                    load ready[0] → 1  ← step 4 writer[0]
 *    7                                    load message[0] → 0
 *
 * fail in reader[0]: the flag was seen, and not the message
 * found by random in execution 10; minimised from 8 steps and 4 switches to 8 and 4 in 32 executions
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { messagePassing } from '../01-message-passing.ts'

export default defineScenario({
  name: '01-message-passing-bad',
  summary: 'a message, and a flag that may be seen before it: --memory-model pso',
  tags: ['bad'],
  // wrong: the message need not be there yet
  ...messagePassing('relaxed'),
})
