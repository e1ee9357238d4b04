/** The smallest race there is: two threads add one to a cell. */
import assert from 'node:assert/strict'
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells } from './_classic.ts'

export interface Counter {
  readonly cells: Int32Array
}

const PARAMS = { adds: { default: 1, describe: 'additions a thread makes', min: 1, max: 1_000_000 } }

/** @param addOne adds one to the first cell */
export const counter = (addOne: (cells: Int32Array) => void): Classic<Counter, typeof PARAMS> => ({
  params: PARAMS,
  setup: () => ({ cells: cells() }),
  threads: {
    adder: {
      count: 2,
      run: ({ shared, params }) => {
        for (let i = 0; i < params.adds; i++) addOne(shared.cells)
      },
    },
  },
  check: ({ shared, params, threads }) =>
    assert.equal(Atomics.load(shared.cells, 0), threads.adder.length * params.adds, 'no update is lost'),
})

export default defineScenario({
  name: 'lost-update-fixed',
  summary: 'two threads add one to a cell in one step each',
  tags: ['classic'],
  ...counter(cells => {
    Atomics.add(cells, 0, 1)
  }),
})
