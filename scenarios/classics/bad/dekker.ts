/**
 * Who has not got the turn waits for it, and goes on wanting to enter meanwhile.
 *
 * 1. Both threads say that they want to enter before either looks at the other.
 * 2. Thread 1 has not got the turn, and waits for it: thread 0 passes it on when it leaves.
 * 3. Thread 0 has the turn, and waits until 1 no longer wants to enter. Neither ever does.
 *
 * Source: E. W. Dijkstra, "Cooperating sequential processes" (EWD 123), 1965, section 2.1: one of the attempts on the
 * way to Dekker's solution.
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { dekker } from '../dekker.ts'

export default defineScenario({
  name: 'dekker-bad',
  summary: "Dekker's lock, which insists while it waits for its turn: both wait for ever",
  tags: ['bad'],
  ...dekker(({ turn }, me) => {
    // wrong: the wish is not taken back
    while (Atomics.load(turn, 0, 'relaxed') !== me);
  }),
})
