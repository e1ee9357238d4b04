/**
 * 2+2W: two threads store to two cells each, in opposite orders. The first store of each cannot be the one that stays in
 * both cells, if the stores of a thread reach memory in their order.
 */
import { acceptable, defineScenario } from '../../torture/scenario.ts'
import { ACCESS, accesses, cells, weak } from './_litmus.ts'

export default defineScenario({
  name: 'litmus-2-2w',
  summary: '2+2W: two threads store to two cells in opposite orders; which stores stay?',
  tags: ['litmus', 'lockless'],
  params: ACCESS,
  setup: () => cells('x', 'y'),
  threads: {
    left: {
      run: ({ shared: { x, y }, params }) => {
        const { store } = accesses(params)
        store(x, 1)
        store(y, 2)
      },
    },
    right: {
      run: ({ shared: { x, y }, params }) => {
        const { store } = accesses(params)
        store(y, 1)
        store(x, 2)
      },
    },
  },
  final: ({ shared: { x, y } }) => [Atomics.load(x, 0), Atomics.load(y, 0)],
  observes: ['x in the end', 'y in the end'],
  outcomes: ({ params, arch }) => ({
    '1,1': weak(
      { ...params, arch },
      { what: 'the first store of each thread came after its second one', on: 'weak', forbiddenFrom: 'atomic' },
    ),
    '1,2': acceptable('right was done before left began, or nearly'),
    '2,1': acceptable('left was done before right began, or nearly'),
    '2,2': acceptable('both first stores came before both second ones'),
  }),
})
