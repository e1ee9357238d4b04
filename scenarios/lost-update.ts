import assert from 'node:assert/strict'
import { defineScenario } from '../torture/scenario.ts'

/** The smallest race there is. Wrong on purpose, so that a run of it shows what a failure looks like. */
export default defineScenario({
  name: 'lost-update',
  summary: 'two threads add one to a cell without a lock: an update gets lost',
  tags: ['bad'],
  params: { adds: { default: 1, describe: 'additions a thread makes', min: 1, max: 1_000_000 } },
  setup: () => ({ cells: new Int32Array(new SharedArrayBuffer(8)) }),
  threads: {
    adder: {
      count: 2,
      open: ({ shared }) => shared.cells,
      run: ({ local: cells, params }) => {
        for (let i = 0; i < params.adds; i++) {
          const value = Atomics.load(cells, 0)
          Atomics.store(cells, 0, value + 1)
        }
      },
    },
  },
  check: ({ shared, params, threads }) =>
    assert.equal(Atomics.load(shared.cells, 0), threads.adder.length * params.adds, 'no update is lost'),
})
