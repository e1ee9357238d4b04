/**
 * Write to read causality: one thread stores, a second one sees that and says so, a third one sees what the second one
 * says. It must see what the first one did.
 */
import { acceptable, defineScenario } from '../../torture/scenario.ts'
import { ACCESS, accesses, cells, weak } from './_litmus.ts'

export default defineScenario({
  name: 'litmus-wrc',
  summary: 'write to read causality: what a thread saw before it stored is seen by who sees its store',
  tags: ['litmus', 'lockless'],
  params: ACCESS,
  setup: () => cells('x', 'y'),
  threads: {
    writer: { run: ({ shared: { x }, params }) => accesses(params).store(x, 1) },
    relay: {
      run: ({ shared: { x, y }, params }) => {
        const { load, store } = accesses(params)
        const seen = load(x)
        store(y, 1)
        return seen
      },
    },
    reader: {
      run: ({ shared: { x, y }, params }) => {
        const { load } = accesses(params)
        const relayed = load(y)
        return [relayed, load(x)]
      },
    },
  },
  observes: ['relay: x', 'reader: y', 'then x'],
  outcomes: ({ params, arch }) => ({
    '0,0,0': acceptable('the writer came last'),
    '0,0,1': acceptable('the writer came between the two looks of the reader'),
    '0,1,0': acceptable('the writer came last, the relay before the reader'),
    '0,1,1': acceptable('the writer came after the relay had looked'),
    '1,0,0': acceptable('the reader was done before the writer began'),
    '1,0,1': acceptable('the relay stored after the reader had looked'),
    '1,1,0': weak(
      { ...params, arch },
      {
        what: 'the store of the relay was seen, and not the one that it had seen',
        on: 'weak',
        forbiddenFrom: 'release-acquire',
      },
    ),
    '1,1,1': acceptable('one after the other'),
  }),
})
