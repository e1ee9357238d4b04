/**
 * S: one thread stores to two cells, another one looks at the second and stores to the first. If it sees the second
 * store, its own comes later than the first and must be the one that stays.
 */
import { acceptable, defineScenario } from '../../torture/scenario.ts'
import { ACCESS, accesses, cells, weak } from './_litmus.ts'

export default defineScenario({
  name: 'litmus-s',
  summary: 'S: two stores against a look and a store; what is stored after a look stays',
  tags: ['litmus', 'lockless'],
  params: ACCESS,
  setup: () => cells('x', 'y'),
  threads: {
    writer: {
      run: ({ shared: { x, y }, params }) => {
        const { store } = accesses(params)
        store(x, 2)
        store(y, 1)
      },
    },
    other: {
      run: ({ shared: { x, y }, params }) => {
        const { load, store } = accesses(params)
        const seen = load(y)
        store(x, 1)
        return seen
      },
    },
  },
  final: ({ shared }) => Atomics.load(shared.x, 0),
  observes: ['other: y', 'x in the end'],
  outcomes: ({ params, arch }) => ({
    '0,1': acceptable('the other thread looked before the writer was done, and stored last'),
    '0,2': acceptable('the writer stored to x last'),
    '1,1': acceptable('the writer was done first'),
    '1,2': weak(
      { ...params, arch },
      {
        what: 'the second store of the writer was seen, and yet its first one came later than what was stored then',
        on: 'weak',
        forbiddenFrom: 'release-acquire',
      },
    ),
  }),
})
