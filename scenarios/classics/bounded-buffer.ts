/**
 * A buffer of one place. Producers wait until it is empty and consumers until it is full, all in one queue, so who
 * changes it must wake all of them: the first one may be of the wrong kind.
 *
 * B. W. Lampson and D. D. Redell, "Experience with processes and monitors in Mesa", CACM 23(2), 1980, on NOTIFY and
 * BROADCAST.
 */
import assert from 'node:assert/strict'
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells } from './_classic.ts'

const EMPTY = 0
const ITEMS = [1, 2]

export interface BoundedBuffer {
  readonly place: Int32Array
}

/** @param wake wakes who waits for the place to change */
export const boundedBuffer = (wake: (place: Int32Array) => void): Classic<BoundedBuffer> => {
  const put = (place: Int32Array, item: number): void => {
    for (;;) {
      const found = Atomics.compareExchange(place, 0, EMPTY, item)
      if (found === EMPTY) break
      Atomics.wait(place, 0, found)
    }
    wake(place)
  }

  const take = (place: Int32Array): number => {
    for (;;) {
      const item = Atomics.exchange(place, 0, EMPTY)
      if (item !== EMPTY) {
        wake(place)
        return item
      }
      Atomics.wait(place, 0, EMPTY)
    }
  }

  return {
    setup: () => ({ place: cells() }),
    threads: {
      producer: {
        run: ({ shared: { place } }) => {
          for (const item of ITEMS) put(place, item)
        },
      },
      consumer: { count: ITEMS.length, run: ({ shared: { place } }) => take(place) },
    },
    check: ({ threads }) =>
      assert.equal(String([...threads.consumer].sort()), String(ITEMS), 'each item is taken once'),
  }
}

export default defineScenario({
  name: 'bounded-buffer',
  summary: 'a bounded buffer: who changes it wakes all who wait',
  tags: ['classic'],
  ...boundedBuffer(place => {
    Atomics.notify(place, 0)
  }),
})
