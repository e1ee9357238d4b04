/**
 * Coherence of two reads: who has seen the store to a cell does not see at a second look that it has not happened. Every
 * processor keeps that; ECMAScript does not ask it of plain reads, so that compilers may turn two of them round.
 */
import { acceptable, defineScenario } from '../../torture/scenario.ts'
import { ACCESS, accesses, cells, weak } from './_litmus.ts'

export default defineScenario({
  name: 'litmus-corr',
  summary: 'coherence: two looks at a cell that another thread stores to',
  tags: ['litmus', 'lockless'],
  params: ACCESS,
  setup: () => cells('x'),
  threads: {
    writer: { run: ({ shared: { x }, params }) => accesses(params).store(x, 1) },
    reader: {
      run: ({ shared: { x }, params }) => {
        const { load } = accesses(params)
        const first = load(x)
        return [first, load(x)]
      },
    },
  },
  observes: ['first look', 'second look'],
  outcomes: ({ params, arch }) => ({
    '0,0': acceptable('the reader was done first'),
    '0,1': acceptable('the store came between the two looks'),
    '1,0': weak(
      { ...params, arch },
      { what: 'the store was seen, and then it was not', on: 'none', forbiddenFrom: 'relaxed' },
    ),
    '1,1': acceptable('the writer was done first'),
  }),
})
