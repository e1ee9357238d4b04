/**
 * Message passing: data, and then a flag that announces it. Who sees the flag reads the data: every lock-free queue does
 * that, and a plain flag is the most frequent mistake in them.
 */
import { acceptable, defineScenario } from '../../torture/scenario.ts'
import { ACCESS, accesses, cells, weak } from './_litmus.ts'

export default defineScenario({
  name: 'litmus-mp',
  summary: 'message passing: data, a flag that announces it, and somebody who looks at them in turn',
  tags: ['litmus', 'lockless'],
  params: ACCESS,
  setup: () => cells('data', 'flag'),
  threads: {
    writer: {
      run: ({ shared: { data, flag }, params }) => {
        const { store } = accesses(params)
        store(data, 1)
        store(flag, 1)
      },
    },
    reader: {
      run: ({ shared: { data, flag }, params }) => {
        const { load } = accesses(params)
        const announced = load(flag)
        return [announced, load(data)]
      },
    },
  },
  observes: ['flag', 'data'],
  outcomes: ({ params, arch }) => ({
    '0,0': acceptable('the reader was done before the writer began'),
    '0,1': acceptable('the data came between the two looks'),
    '1,0': weak(
      { ...params, arch },
      {
        what: 'the flag was seen, and not the data that it announces',
        on: 'weak',
        forbiddenFrom: 'release-acquire',
      },
    ),
    '1,1': acceptable('the writer was done before the reader began to look at the data'),
  }),
})
