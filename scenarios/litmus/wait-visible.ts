/**
 * What was stored before a notify is seen after the wake-up, and what was stored before the word changed is seen by who
 * finds it changed: the data itself may be plain.
 */
import { acceptable, defineScenario, forbidden } from '../../torture/scenario.ts'
import { ACCESS, accesses, cells } from './_litmus.ts'
import { RESULT } from './_waiting.ts'

export default defineScenario({
  name: 'litmus-wait-visible',
  summary: 'wait and notify: what was stored before is seen after the wake-up',
  tags: ['litmus', 'lockless'],
  params: ACCESS,
  setup: () => cells('data', 'word'),
  threads: {
    sleeper: {
      run: ({ shared: { data, word }, params }) => {
        const result = Atomics.wait(word, 0, 0)
        return [RESULT[result], accesses(params).load(data)]
      },
    },
    waker: {
      run: ({ shared: { data, word }, params }) => {
        accesses(params).store(data, 1)
        Atomics.store(word, 0, 1)
        Atomics.notify(word, 0)
      },
    },
  },
  observes: ['0 ok, 1 not-equal', 'data'],
  outcomes: {
    '0,1': acceptable('it slept, was woken, and saw the data'),
    '1,1': acceptable('it came too late to sleep, and saw the data'),
    '0,0': forbidden('it was woken, and did not see what was stored before'),
    '1,0': forbidden('it saw the word change, and not what was stored before'),
  },
})
