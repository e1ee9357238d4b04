/**
 * Load buffering: each of two threads looks, and then stores what the other one looks at. Both can only find the store
 * of the other if a store overtakes the load before it.
 */
import { acceptable, defineScenario } from '../../torture/scenario.ts'
import { ACCESS, accesses, cells, weak } from './_litmus.ts'

export default defineScenario({
  name: 'litmus-lb',
  summary: 'load buffering: each of two threads looks, and then stores what the other looks at',
  tags: ['litmus', 'lockless'],
  params: ACCESS,
  setup: () => cells('x', 'y'),
  threads: {
    left: {
      run: ({ shared: { x, y }, params }) => {
        const { load, store } = accesses(params)
        const seen = load(x)
        store(y, 1)
        return seen
      },
    },
    right: {
      run: ({ shared: { x, y }, params }) => {
        const { load, store } = accesses(params)
        const seen = load(y)
        store(x, 1)
        return seen
      },
    },
  },
  observes: ['left: x', 'right: y'],
  outcomes: ({ params, arch }) => ({
    '0,0': acceptable('both looked before either store'),
    '0,1': acceptable('left was done before right looked'),
    '1,0': acceptable('right was done before left looked'),
    '1,1': weak(
      { ...params, arch },
      { what: 'each saw a store that comes after its own look', on: 'weak', forbiddenFrom: 'release-acquire' },
    ),
  }),
})
