/**
 * 06. Read, compute, swap
 *
 * Loads and stores cannot change a cell that others change, too. Compare-and-swap can: it stores a value if the cell still
 * holds what it held before, and says what it found. Everything else is made of it, by a loop: read, compute the new value
 * from the old one, swap; and if somebody else was quicker, again from what is there now. Here the loop keeps the largest
 * value that anybody has seen.
 *
 * Such a loop is **lockless** in the strict sense: a thread goes round again only because another one got through. And
 * what is computed must depend on nothing but the value: it may be thrown away.
 *
 * P. Bonzini, "Lockless patterns: an introduction to compare-and-swap", LWN.net, 12 March 2021.
 *
 * $ npx torture explore 06-cas-loop --seed 1 --cpus 1
 * ✔ 06-cas-loop.1  nothing found, and nothing left to explore within the bounds
 *   work     40 executions, 263/s · 152 ms
 *   proof    all 28 classes of interleavings explored, …
 */
import assert from 'node:assert/strict'
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells } from '../classics/_classic.ts'

export interface Shared {
  readonly largest: Int32Array
}

/** @param raise makes the cell hold a value, if it is larger than what is there */
export const casLoop = (raise: (largest: Int32Array, value: number) => void): Classic<Shared> => ({
  setup: () => ({ largest: cells() }),
  threads: {
    observer: {
      count: 3,
      run: ({ shared: { largest }, index }) => raise(largest, index + 1),
    },
  },
  check: ({ shared: { largest }, threads }) =>
    assert.equal(Atomics.load(largest, 0), threads.observer.length, 'the largest value that was seen'),
})

export default defineScenario({
  name: '06-cas-loop',
  summary: 'a loop around compare-and-swap keeps the largest value',
  tags: ['pattern', 'lockless'],
  ...casLoop((largest, value) => {
    let old = Atomics.load(largest, 0)
    while (old < value) {
      const found = Atomics.compareExchange(largest, 0, old, value)
      if (found === old) return
      old = found
    }
  }),
})
