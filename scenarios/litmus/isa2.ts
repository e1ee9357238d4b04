/**
 * ISA2: message passing over three threads. Data, a flag, a second thread that sees the flag and raises another one, and
 * a third one that sees that and reads the data.
 */
import { acceptable, defineScenario } from '../../torture/scenario.ts'
import { ACCESS, accesses, cells, weak } from './_litmus.ts'

export default defineScenario({
  name: 'litmus-isa2',
  summary: 'ISA2: a message passed on by a second thread to a third one',
  tags: ['litmus', 'lockless'],
  params: ACCESS,
  setup: () => cells('data', 'flag', 'second'),
  threads: {
    writer: {
      run: ({ shared: { data, flag }, params }) => {
        const { store } = accesses(params)
        store(data, 1)
        store(flag, 1)
      },
    },
    relay: {
      run: ({ shared: { flag, second }, params }) => {
        const { load, store } = accesses(params)
        const seen = load(flag)
        store(second, 1)
        return seen
      },
    },
    reader: {
      run: ({ shared: { data, second }, params }) => {
        const { load } = accesses(params)
        const relayed = load(second)
        return [relayed, load(data)]
      },
    },
  },
  observes: ['relay: flag', 'reader: second', 'then data'],
  outcomes: ({ params, arch }) => ({
    '0,0,0': acceptable('the reader came too early'),
    '0,0,1': acceptable('the data came between the two looks of the reader'),
    '0,1,0': acceptable('the relay had not seen the flag'),
    '0,1,1': acceptable('the relay had not seen the flag, and the data was there nonetheless'),
    '1,0,0': acceptable('the reader was done before the writer'),
    '1,0,1': acceptable('the relay stored after the reader had looked'),
    '1,1,0': weak(
      { ...params, arch },
      {
        what: 'the message was passed on, and yet the data was not there',
        on: 'weak',
        forbiddenFrom: 'release-acquire',
      },
    ),
    '1,1,1': acceptable('one after the other'),
  }),
})
