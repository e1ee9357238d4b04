/**
 * 02, wrong: the last link of the chain is relaxed.
 *
 * The reader may have read the data long before it looks at the flag: a processor that is waiting for the flag has
 * nothing better to do, and nothing tells it that the two belong together.
 *
 * $ npx torture explore 02-release-chain-bad --memory-model pso --seed 1 --cpus 1
 * ✖ 02-release-chain-bad.1  fail
 * step  author[0]           messenger[0]        reader[0]
 *    0  begins
 *    1  store data[0] ← 42 (delayed)
 *    2  store first[0] ← 1 (delayed)
 *    3  data[0] ← 42 reaches memory
 *    4  first[0] ← 1 reaches memory
 *
 *    5                      begins
 *    6                      load first[0] → 1  ← step 4 author[0]
 *    7                      store second[0] ← 1 (delayed)
 *    8                      second[0] ← 1 reaches memory
 *
 *    9                                          begins
 *   10                                          load second[0] → 1  ← step 8 messenger[0]
 *   11                                          the next load of data[0] finds an earlier value
 *   12                                          load data[0] → 0
 *
 * fail in reader[0]: word of the data has come, and the data has not
 * found by pct in execution 194; minimised from 13 steps and 9 switches to 13 and 6 in 88 executions
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { releaseChain } from '../02-release-chain.ts'

export default defineScenario({
  name: '02-release-chain-bad',
  summary: 'three threads, two flags, and the last one is read relaxed: --memory-model pso',
  tags: ['bad'],
  // wrong: the data may have been read before the flag
  ...releaseChain('relaxed'),
})
