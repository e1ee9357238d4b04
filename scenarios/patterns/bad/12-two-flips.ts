/**
 * 12, wrong: the index is turned once.
 *
 * The reader reads index 0 and is held up. The updater turns the index to 1, finds no readers in count 0, and frees the
 * first object. The reader counts itself in, in count 0, and finds the second object. The updater replaces it, turns the
 * index back to 0, finds nobody in count 1, and frees the object under the reader. It takes two updates: who tests with
 * one sees nothing.
 *
 * $ npx torture explore 12-two-flips-bad --seed 1 --cpus 1
 * ✖ 12-two-flips-bad.1  fail
 * step  reader[0]                                 updater[0]
 *    0  begins
 *    1  load index[0] → 0
 *       preempted ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
 *    2                                            begins
 *    3                                            store pointer[0] ← 1
 *    4                                            add index[0] 0 → 1
 *    5                                            load readers[0] → 0
 *    6                                            store freed[0] ← 1
 *       ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ preempted ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
 *    7  add readers[0] 0 → 1
 *    8  load pointer[0] → 1  ← step 3 updater[0]
 *       preempted ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
 *    9                                            store pointer[0] ← 2
 *   10                                            add index[0] 1 → 2
 *   11                                            load readers[1] → 0
 *   12                                            store freed[1] ← 1
 *
 *   13  load freed[1] → 1  ← step 12 updater[0]
 *
 * fail in reader[0]: a reader uses an object that is freed
 * found by dpor in execution 21; minimised from 14 steps and 4 switches to 14 and 4 in 60 executions
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { flip, srcu } from '../12-two-flips.ts'

export default defineScenario({
  name: '12-two-flips-bad',
  summary: 'two counts of readers and an index that is turned once: a slow reader is overlooked',
  tags: ['bad'],
  // wrong: a slow reader may be in the other count
  ...srcu(flip),
})
