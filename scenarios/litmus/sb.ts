/**
 * Store buffering: each of two threads stores, and then looks at what the other one stores. A processor that lets its
 * stores wait in a buffer looks too early in both: Dekker's and Peterson's locks, and going to sleep, break by that.
 */
import { acceptable, defineScenario } from '../../torture/scenario.ts'
import { ACCESS, accesses, cells, weak } from './_litmus.ts'

export default defineScenario({
  name: 'litmus-sb',
  summary: 'store buffering: each of two threads stores, and then looks at the store of the other',
  tags: ['litmus', 'lockless'],
  params: ACCESS,
  setup: () => cells('x', 'y'),
  threads: {
    left: {
      run: ({ shared: { x, y }, params }) => {
        const { load, store } = accesses(params)
        store(x, 1)
        return load(y)
      },
    },
    right: {
      run: ({ shared: { x, y }, params }) => {
        const { load, store } = accesses(params)
        store(y, 1)
        return load(x)
      },
    },
  },
  observes: ['left: y', 'right: x'],
  outcomes: ({ params, arch }) => ({
    '0,0': weak(
      { ...params, arch },
      { what: 'both looked before either store was to be seen', on: 'all', forbiddenFrom: 'atomic' },
    ),
    '0,1': acceptable('left was done before right began'),
    '1,0': acceptable('right was done before left began'),
    '1,1': acceptable('both had stored before either looked'),
  }),
})
