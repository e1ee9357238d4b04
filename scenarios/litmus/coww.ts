/**
 * Coherence of two writes: the second store of a thread to a cell is the one that stays, and who looks on sees them in
 * their order, if it sees both.
 */
import { acceptable, defineScenario, forbidden } from '../../torture/scenario.ts'
import { ACCESS, accesses, cells, weak } from './_litmus.ts'

const LOST = forbidden('the second store of a thread to a cell has not stayed: not even plain ones may do that')

export default defineScenario({
  name: 'litmus-coww',
  summary: 'coherence: two stores of a thread to one cell, and somebody who looks on',
  tags: ['litmus', 'lockless'],
  params: ACCESS,
  setup: () => cells('x'),
  threads: {
    writer: {
      run: ({ shared: { x }, params }) => {
        const { store } = accesses(params)
        store(x, 1)
        store(x, 2)
      },
    },
    reader: {
      run: ({ shared: { x }, params }) => {
        const { load } = accesses(params)
        const first = load(x)
        return [first, load(x)]
      },
    },
  },
  final: ({ shared }) => Atomics.load(shared.x, 0),
  observes: ['first look', 'second look', 'in the end'],
  outcomes: ({ params, arch }) => {
    const back = weak(
      { ...params, arch },
      { what: 'the stores were seen in the wrong order', on: 'none', forbiddenFrom: 'relaxed' },
    )
    return {
      '0,0,2': acceptable('the reader was done first'),
      '0,1,2': acceptable('the first store came between the two looks'),
      '0,2,2': acceptable('both stores came between the two looks'),
      '1,1,2': acceptable('both looks came between the two stores'),
      '1,2,2': acceptable('the second store came between the two looks'),
      '2,2,2': acceptable('the writer was done first'),
      '1,0,2': back,
      '2,0,2': back,
      '2,1,2': back,
      '0,0,1': LOST,
      '0,1,1': LOST,
      '1,1,1': LOST,
    }
  },
})
