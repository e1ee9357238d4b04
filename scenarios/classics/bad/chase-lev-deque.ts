/**
 * The owner looks for thieves before it claims the last task. It is what a processor does with a store and a load that
 * have no barrier between them, and what a programmer does who thinks that their order does not matter.
 *
 * 1. There are two tasks. The owner sees that nothing has been stolen, so it need not compete for the second one.
 * 2. The thief steals the first task, still sees two, and reads the second one.
 * 3. The owner claims the second task, and takes it without a compare-and-swap. The thief's succeeds: it is done twice.
 *
 * Source: N. M. Lê, A. Pop, A. Cohen and F. Zappa Nardelli, "Correct and efficient work-stealing for weak memory
 * models", PPoPP 2013, on the barrier between the two.
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { chaseLevDeque } from '../chase-lev-deque.ts'

export default defineScenario({
  name: 'chase-lev-deque-bad',
  summary: 'a Chase–Lev deque whose owner looks for thieves before it claims a task: it is done twice',
  tags: ['bad'],
  ...chaseLevDeque(({ top, bottom }) => {
    const last = Atomics.load(bottom, 0) - 1
    const first = Atomics.load(top, 0) // wrong: comes before the store
    Atomics.store(bottom, 0, last)
    return [last, first]
  }),
})
