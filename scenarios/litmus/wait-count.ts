/**
 * Waiting and notifying: whoever was woken has been counted, and whoever was counted was woken. The wait looks at the
 * word and joins the queue in one step, so there is nothing in between.
 */
import { acceptable, defineScenario, forbidden } from '../../torture/scenario.ts'
import { cells } from './_litmus.ts'
import { RESULT } from './_waiting.ts'

export default defineScenario({
  name: 'litmus-wait-count',
  summary: 'wait and notify: as many have been woken as notify says',
  tags: ['litmus', 'lockless'],
  setup: () => cells('word'),
  threads: {
    sleeper: { run: ({ shared: { word } }) => RESULT[Atomics.wait(word, 0, 0)] },
    waker: {
      run: ({ shared: { word } }) => {
        Atomics.store(word, 0, 1)
        return Atomics.notify(word, 0)
      },
    },
  },
  observes: ['sleeper: 0 ok, 1 not-equal', 'waker: woken'],
  outcomes: {
    '0,1': acceptable('it slept and was woken'),
    '1,0': acceptable('it came too late to sleep'),
    '0,0': forbidden('it was woken by nobody'),
    '1,1': forbidden('somebody was woken who did not sleep'),
  },
})
