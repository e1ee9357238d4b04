/**
 * Neither side orders its store before its load.
 *
 * 1. The sleeper announces itself, and the store waits to reach memory; it sees that the work is not done.
 * 2. The waker stores that it is done, looks for sleepers, and sees none: it wakes nobody.
 * 3. The sleeper sleeps for ever.
 *
 * Not to be found under sequential consistency: `--memory-model tso` or `pso`.
 *
 * Source: Linux commit 76835b0ebf8a, "futex: Ensure get_futex_key_refs() always implies a barrier" (2014).
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { futexBarrier } from '../futex-barrier.ts'

export default defineScenario({
  name: 'futex-barrier-bad',
  summary: 'a sleeper and its waker without a barrier: seen by --memory-model tso and pso only',
  tags: ['bad'],
  // wrong: this takes the full order
  ...futexBarrier('relaxed'),
})
