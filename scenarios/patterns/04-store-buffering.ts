/**
 * 04. I say so, and then I look: full barriers
 *
 * Two threads, two flags: each raises its own and then looks at the other's. Whoever comes second must see the first:
 * it is impossible that neither sees the other. Dekker's lock was built on that in 1965, and much in a kernel is: each
 * side announces itself, looks whether the other has, and does the work that is left if so.
 *
 * It is the one order that release and acquire do not give. A processor puts stores into a buffer and goes on; the load
 * after it is answered from memory, and the store gets there later. On x86, too. So between the store and the load each
 * side needs a **full barrier** (`smp_mb`), which waits until the buffer is empty: that is why it costs more than the
 * others. An operation in full order, as all of `Atomics` are unless they say otherwise, is one.
 *
 * P. Bonzini, "Lockless patterns: full memory barriers", LWN.net, 5 March 2021.
 *
 * $ npx torture explore 04-store-buffering --seed 1 --cpus 1
 * ✔ 04-store-buffering.1  nothing found, and nothing left to explore within the bounds
 *   work     15 executions, 299/s · 50 ms
 *   proof    all 3 classes of interleavings explored, …
 */
import { acceptable, defineScenario, forbidden } from '../../torture/scenario.ts'
import { type Classic, cells } from '../classics/_classic.ts'

export interface Shared {
  readonly left: Int32Array
  readonly right: Int32Array
}

/** @param raise raises a flag; `look` looks at one */
export const storeBuffering = (
  raise: (flag: Int32Array) => void,
  look: (flag: Int32Array) => number,
): Classic<Shared> => ({
  setup: () => ({ left: cells(), right: cells() }),
  threads: {
    left: {
      run: ({ shared: { left, right } }) => {
        raise(left)
        return look(right)
      },
    },
    right: {
      run: ({ shared: { left, right } }) => {
        raise(right)
        return look(left)
      },
    },
  },
  outcomes: {
    '0,0': forbidden('neither saw the other: both think that they are alone'),
    '0,1': acceptable('left was first'),
    '1,0': acceptable('right was first'),
    '1,1': acceptable('both had raised their flag before either looked'),
  },
})

export default defineScenario({
  name: '04-store-buffering',
  summary: 'each of two threads raises its flag and looks at the other: full order',
  tags: ['pattern', 'lockless'],
  ...storeBuffering(
    flag => Atomics.store(flag, 0, 1),
    flag => Atomics.load(flag, 0),
  ),
})
