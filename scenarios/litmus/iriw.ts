/**
 * Independent reads of independent writes: two threads store to different cells, and two others look at both, in
 * opposite orders. They must not disagree on which store came first, if there is one memory for all.
 */
import { acceptable, defineScenario, type Outcomes } from '../../torture/scenario.ts'
import { ACCESS, accesses, cells, weak } from './_litmus.ts'

const explained = (a: number, b: number, c: number, d: number) => !(a === 1 && b === 0 && c === 1 && d === 0)

/** The sixteen outcomes, all but one of which some order of the steps explains. */
function outcomes(disagree: Outcomes[string]): Outcomes {
  const bits = Array.from({ length: 16 }, (_, n) => [n >> 3, (n >> 2) & 1, (n >> 1) & 1, n & 1] as const)
  const why = ([a, b, c, d]: (typeof bits)[number]) => `the readers found ${a + b} and ${c + d} of the stores`
  return Object.fromEntries(
    bits.map(found => [found.join(','), explained(...found) ? acceptable(why(found)) : disagree]),
  )
}

export default defineScenario({
  name: 'litmus-iriw',
  summary: 'independent reads of independent writes: do two readers agree on which of two stores came first?',
  tags: ['litmus', 'lockless'],
  params: ACCESS,
  setup: () => cells('x', 'y'),
  threads: {
    writerX: { run: ({ shared: { x }, params }) => accesses(params).store(x, 1) },
    writerY: { run: ({ shared: { y }, params }) => accesses(params).store(y, 1) },
    readerX: {
      run: ({ shared: { x, y }, params }) => {
        const { load } = accesses(params)
        const first = load(x)
        return [first, load(y)]
      },
    },
    readerY: {
      run: ({ shared: { x, y }, params }) => {
        const { load } = accesses(params)
        const first = load(y)
        return [first, load(x)]
      },
    },
  },
  observes: ['x', 'then y', 'y', 'then x'],
  outcomes: ({ params, arch }) =>
    outcomes(
      weak(
        { ...params, arch },
        { what: 'the readers disagree on which store came first', on: 'weak', forbiddenFrom: 'atomic' },
      ),
    ),
})
