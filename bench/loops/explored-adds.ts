/** What the explorer is measured with: all threads add to one cell, so that every operation is a point to be switched at. */
import assert from 'node:assert/strict'
import { defineScenario } from '../../torture/scenario.ts'

export default defineScenario({
  name: 'explored-adds',
  summary: 'all threads add to one cell',
  params: { operations: { default: 10, describe: 'additions of each thread' } },
  setup: () => ({ cells: new Int32Array(new SharedArrayBuffer(64)) }),
  threads: {
    adder: {
      count: 2,
      run: ({ shared: { cells }, params }) => {
        for (let n = 0; n < params.operations; n++) Atomics.add(cells, 0, 1)
      },
    },
  },
  check: ({ shared: { cells }, params, threads }) =>
    assert.equal(Atomics.load(cells, 0), threads.adder.length * params.operations),
})
