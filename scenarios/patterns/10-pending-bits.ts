/**
 * 10. Set a bit, take them all
 *
 * Requests that need no queue: each kind has a bit. To ask for something, set its bit (`atomic_fetch_or`); what that
 * returns says whether anything was pending before, and only who finds nothing pending has to wake the worker. To serve,
 * exchange the word for 0 (`xchg`) and do what was in it. Asking twice before it is served is asking once, which is the
 * point.
 *
 * The exchange takes and clears in one step: a bit that is set before is in what was taken, one that is set after it is in
 * what is left.
 *
 * P. Bonzini, "Lockless patterns: more read-modify-write operations", LWN.net, 19 March 2021.
 *
 * $ npx torture explore 10-pending-bits --seed 1 --cpus 1
 * ✔ 10-pending-bits.1  nothing found, and nothing left to explore within the bounds
 *   work     18 executions, 354/s · 51 ms
 *   proof    all 6 classes of interleavings explored, …
 */
import assert from 'node:assert/strict'
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells } from '../classics/_classic.ts'

export interface Shared {
  readonly pending: Int32Array
  /** How often the worker was called. */
  readonly calls: Int32Array
  /** Bits that were served; the worker's own. */
  readonly served: Int32Array
}

/** @param takeAll takes all bits out */
export const pendingBits = (takeAll: (pending: Int32Array) => number): Classic<Shared> => ({
  setup: () => ({ pending: cells(), calls: cells(), served: cells() }),
  threads: {
    asker: {
      count: 2,
      run: ({ shared: { pending, calls }, index }) => {
        if (Atomics.or(pending, 0, 1 << index) === 0) Atomics.add(calls, 0, 1)
      },
    },
    worker: {
      run: ({ shared: { pending, calls, served } }) => {
        if (Atomics.load(calls, 0) > 0) Atomics.or(served, 0, takeAll(pending))
      },
    },
  },
  check: ({ shared: { pending, calls, served }, threads }) => {
    const bits = Atomics.load(pending, 0) | Atomics.load(served, 0)
    assert.equal(bits, (1 << threads.asker.length) - 1, 'what was asked for is served, or pending')
    assert.ok(Atomics.load(calls, 0) > 0, 'somebody called the worker')
  },
})

export default defineScenario({
  name: '10-pending-bits',
  summary: 'requests are bits: set one, take them all',
  tags: ['pattern', 'lockless'],
  ...pendingBits(pending => Atomics.exchange(pending, 0, 0)),
})
