/**
 * Coherence of a read and a write: a thread that looks at a cell and then stores to it does not see its own store, and
 * if it sees the store of another thread, its own comes later and stays.
 */
import { acceptable, defineScenario, forbidden } from '../../torture/scenario.ts'
import { ACCESS, accesses, cells, weak } from './_litmus.ts'

const FUTURE = forbidden('a thread has seen what it stored only then: not even plain accesses may do that')

export default defineScenario({
  name: 'litmus-corw',
  summary: 'coherence: a thread looks at a cell and stores to it, against another store',
  tags: ['litmus', 'lockless'],
  params: ACCESS,
  setup: () => cells('x'),
  threads: {
    one: {
      run: ({ shared: { x }, params }) => {
        const { load, store } = accesses(params)
        const seen = load(x)
        store(x, 1)
        return seen
      },
    },
    other: { run: ({ shared: { x }, params }) => accesses(params).store(x, 2) },
  },
  final: ({ shared }) => Atomics.load(shared.x, 0),
  observes: ['look', 'in the end'],
  outcomes: ({ params, arch }) => ({
    '0,1': acceptable('the other store came between the look and the store'),
    '0,2': acceptable('the other store came last'),
    '2,1': acceptable('the other store came first'),
    '2,2': weak(
      { ...params, arch },
      {
        what: 'a store was seen, and yet it came later than what was stored then',
        on: 'none',
        forbiddenFrom: 'relaxed',
      },
    ),
    '1,1': FUTURE,
    '1,2': FUTURE,
  }),
})
