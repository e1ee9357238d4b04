/**
 * Coherence of a write and a read: a thread that stores to a cell and then looks at it sees its own store or a later
 * one.
 */
import { acceptable, defineScenario, forbidden } from '../../torture/scenario.ts'
import { ACCESS, accesses, cells, weak } from './_litmus.ts'

const PAST = forbidden('a thread has not seen its own store: not even plain accesses may do that')

export default defineScenario({
  name: 'litmus-cowr',
  summary: 'coherence: a thread stores to a cell and looks at it, against another store',
  tags: ['litmus', 'lockless'],
  params: ACCESS,
  setup: () => cells('x'),
  threads: {
    one: {
      run: ({ shared: { x }, params }) => {
        const { load, store } = accesses(params)
        store(x, 1)
        return load(x)
      },
    },
    other: { run: ({ shared: { x }, params }) => accesses(params).store(x, 2) },
  },
  final: ({ shared }) => Atomics.load(shared.x, 0),
  observes: ['look', 'in the end'],
  outcomes: ({ params, arch }) => ({
    '1,1': acceptable('the other store came first'),
    '1,2': acceptable('the other store came last'),
    '2,2': acceptable('the other store came between the store and the look'),
    '2,1': weak(
      { ...params, arch },
      { what: 'a later store was seen, and yet it has not stayed', on: 'none', forbiddenFrom: 'relaxed' },
    ),
    '0,1': PAST,
    '0,2': PAST,
  }),
})
