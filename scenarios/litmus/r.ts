/**
 * R: one thread stores to two cells, another one stores to the second and looks at the first. If its store is the one
 * that stays, it came later than both stores of the other, and must see the first.
 */
import { acceptable, defineScenario } from '../../torture/scenario.ts'
import { ACCESS, accesses, cells, weak } from './_litmus.ts'

export default defineScenario({
  name: 'litmus-r',
  summary: 'R: two stores against a store and a look; who stores last sees what came before',
  tags: ['litmus', 'lockless'],
  params: ACCESS,
  setup: () => cells('x', 'y'),
  threads: {
    writer: {
      run: ({ shared: { x, y }, params }) => {
        const { store } = accesses(params)
        store(x, 1)
        store(y, 1)
      },
    },
    other: {
      run: ({ shared: { x, y }, params }) => {
        const { load, store } = accesses(params)
        store(y, 2)
        return load(x)
      },
    },
  },
  final: ({ shared }) => Atomics.load(shared.y, 0),
  observes: ['other: x', 'y in the end'],
  outcomes: ({ params, arch }) => ({
    '0,1': acceptable('the other thread was done before the writer stored to y'),
    '0,2': weak(
      { ...params, arch },
      {
        what: 'the other thread stored to y last, and yet looked at x before the writer had stored there',
        on: 'all',
        forbiddenFrom: 'atomic',
      },
    ),
    '1,1': acceptable('the writer stored to y last'),
    '1,2': acceptable('the other thread stored to y last'),
  }),
})
