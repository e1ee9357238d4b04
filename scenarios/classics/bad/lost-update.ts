/**
 * Both threads load 0, and both store 1: one addition is gone. Wrong on purpose, so that a run of it shows what a
 * failure looks like.
 *
 * Source: the "lost update" of database text books: J. Gray, "Notes on data base operating systems", 1978.
 */
import { defineScenario } from '../../../torture/scenario.ts'
import { counter } from '../lost-update.ts'

export default defineScenario({
  name: 'lost-update',
  summary: 'two threads add one to a cell without a lock: an update gets lost',
  tags: ['bad'],
  ...counter(cells => {
    const value = Atomics.load(cells, 0) // wrong: the addition is two steps
    Atomics.store(cells, 0, value + 1)
  }),
})
