/**
 * The user relies on being slow.
 *
 * 1. The initialiser is held up before its first step.
 * 2. The user prepares all of its table, and then uses data that is not there.
 *
 * One thread must be slower than the other for as long as the preparation takes: a scheduler that draws the next thread
 * anew at each step lets that happen once in 2^21 times; one that draws priorities, every other time.
 *
 * Source: S. Burckhardt, P. Kothari, M. Musuvathi and S. Nagarakatte, "A randomized scheduler with probabilistic
 * guarantees of finding bugs", ASPLOS 2010, figure 1: a bug of depth 1.
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { initOrder } from '../init-order.ts'

export default defineScenario({
  name: 'init-order-bad',
  summary: 'a thread uses what another one initialises, and does not wait: it happens to be slower',
  tags: ['bad'],
  ...initOrder(() => {}), // wrong: it does not wait
})
