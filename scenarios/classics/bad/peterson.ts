/**
 * The two stores look independent, so they get swapped: by hand, or by a compiler or processor that may.
 *
 * 1. Thread 0 gives way to 1, and is held up before it says that it wants to enter.
 * 2. Thread 1 gives way to 0, says that it wants to enter, sees that 0 does not want to, and enters.
 * 3. Thread 0 says that it wants to enter. It was given way to last, so it does not wait: both are inside.
 *
 * Source: G. L. Peterson, "Myths about the mutual exclusion problem", 1981; M. Herlihy and N. Shavit, "The Art of
 * Multiprocessor Programming", chapter 2, where the order of the two is what the proof rests on.
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { peterson } from '../peterson.ts'

export default defineScenario({
  name: 'peterson-bad',
  summary: "Peterson's lock, which gives way before it says that it wants to enter: both enter",
  tags: ['bad'],
  ...peterson(({ wants, turn }, me) => {
    Atomics.store(turn, 0, 1 - me) // wrong: these two are swapped
    Atomics.store(wants, me, 1)
  }),
})
