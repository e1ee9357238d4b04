/** A control: each thread adds to cells of its own, and nobody shares anything. */
import { defineScenario } from '../../torture/scenario.ts'

const CELLS = 1024
const TURN = 512

export default defineScenario({
  name: 'private-cells',
  summary: 'each thread adds to cells of its own',
  params: { cells: { default: CELLS, describe: 'cells of each thread' } },
  setup: ({ params, threads }) => ({ cells: new Int32Array(new SharedArrayBuffer(4 * params.cells * threads.adder)) }),
  threads: {
    adder: {
      count: 1,
      run: ({ shared, params, index, more, count }) => {
        const base = index * params.cells
        count('pairs', 0)
        for (let at = 0; more(); ) {
          for (let n = 0; n < TURN; n++) {
            at = (at + 1) % params.cells
            const seen = Atomics.load(shared.cells, base + at)
            Atomics.store(shared.cells, base + at, seen + 1)
            Atomics.add(shared.cells, base + at, 1)
          }
          count('pairs', TURN)
        }
      },
    },
  },
})
