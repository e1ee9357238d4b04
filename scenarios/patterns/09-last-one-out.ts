/**
 * 09. The last one out turns off the light
 *
 * Some read-modify-writes are so frequent that they have names of their own, and processors have instructions for them.
 * To give up a share of something: take one off the count, and if that made it 0, clean up. What counts is that both are
 * **one** step: the operation itself returns what the count was or is, and only one thread can be told that it was the
 * last (`atomic_dec_and_test`).
 *
 * It is a release, so that what the others did to the object is done, and for the last one an acquire as well, since it
 * is going to take the object apart.
 *
 * P. Bonzini, "Lockless patterns: more read-modify-write operations", LWN.net, 19 March 2021.
 *
 * $ npx torture explore 09-last-one-out --seed 1 --cpus 1
 * ✔ 09-last-one-out.1  nothing found, and nothing left to explore within the bounds
 *   work     18 executions, 188/s · 96 ms
 *   proof    all 6 classes of interleavings explored, …
 */
import assert from 'node:assert/strict'
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells } from '../classics/_classic.ts'

export interface Shared {
  readonly users: Int32Array
  readonly cleanups: Int32Array
}

const USERS = 3

/** @param leave takes one off the count, and whether that was the last */
export const lastOneOut = (leave: (users: Int32Array) => boolean): Classic<Shared> => ({
  setup: () => {
    const users = cells()
    Atomics.store(users, 0, USERS)
    return { users, cleanups: cells() }
  },
  threads: {
    user: {
      count: USERS,
      run: ({ shared: { users, cleanups } }) => {
        if (leave(users)) Atomics.add(cleanups, 0, 1)
      },
    },
  },
  check: ({ shared: { cleanups } }) => assert.equal(Atomics.load(cleanups, 0), 1, 'the last one cleans up'),
})

export default defineScenario({
  name: '09-last-one-out',
  summary: 'who takes the last one off a count cleans up',
  tags: ['pattern', 'lockless'],
  ...lastOneOut(users => Atomics.sub(users, 0, 1) === 1),
})
