/**
 * 07, wrong: the link is made once, and the swap tried until it works.
 *
 * The swap succeeds against the head that is there now; the node still points to the one that was there before. Whatever
 * came in between hangs on nothing.
 *
 * $ npx torture explore 07-llist-bad --seed 1 --cpus 1
 * ✖ 07-llist-bad.1  fail
 * step  producer[0]       producer[1]       consumer[0]
 *    0  begins
 *    1  load head[0] → 0
 *       preempted ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
 *    2                    begins
 *    3                    load head[0] → 0
 *    4                    store next[2] ← 0
 *    5                    compareExchange head[0] 0 → 2 ok
 *
 *    6  store next[1] ← 0
 *    7  compareExchange head[0] fails (is 2)  ← step 5 producer[1]
 *    8  compareExchange head[0] 2 → 1 ok  ← step 5 producer[1]
 *
 *    9                                      begins
 *   10                                      exchange head[0] 1 → 0  ← step 8 producer[0]
 *   11                                      load next[1] → 0  ← step 6 producer[0]
 *
 * check in check: all that was put in is taken out: 1 !== 2
 * found by random in execution 2; minimised from 11 steps and 6 switches to 12 and 3 in 24 executions
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { llist } from '../07-llist.ts'

export default defineScenario({
  name: '07-llist-bad',
  summary: 'a lockless list whose nodes are linked once: others get lost',
  tags: ['bad'],
  ...llist(({ head, next }, node) => {
    let old = Atomics.load(head, 0, 'relaxed')
    // wrong: this belongs into the loop
    Atomics.store(next, node, old, 'relaxed')
    for (;;) {
      const found = Atomics.compareExchange(head, 0, old, node, 'release')
      if (found === old) return
      old = found
    }
  }),
})
