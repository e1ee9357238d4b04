/**
 * 05. Going to sleep
 *
 * The most frequent use of the pattern before. Who wants to sleep says so first (`set_current_state`), then looks at what
 * it would wait for once more, and only then sleeps. Who makes it come true does that first, and then looks whether anybody
 * sleeps. Each writes one cell and looks at the other's: at least one of them sees the other, so either the sleeper does
 * not sleep or the waker wakes it. Both sides need the full barrier, and the order of their two steps.
 *
 * P. Bonzini, "Lockless patterns: full memory barriers", LWN.net, 5 March 2021.
 *
 * $ npx torture explore 05-wake-up --seed 1 --cpus 1
 * ✔ 05-wake-up.1  nothing found, and nothing left to explore within the bounds
 *   work     17 executions, 372/s · 46 ms
 *   proof    all 5 classes of interleavings explored, …
 */
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells } from '../classics/_classic.ts'

export interface Sleeping {
  readonly done: Int32Array
  readonly sleeping: Int32Array
  /** What the sleeper sleeps on: a cell of its own, as a thread has in a kernel. */
  readonly permit: Int32Array
}

/** @param mustSleep announces that the caller sleeps, and whether it must */
export const wakeUp = (mustSleep: (shared: Sleeping) => boolean): Classic<Sleeping> => ({
  setup: () => ({ done: cells(), sleeping: cells(), permit: cells() }),
  threads: {
    sleeper: {
      run: ({ shared }) => {
        if (mustSleep(shared)) Atomics.wait(shared.permit, 0, 0)
      },
    },
    waker: {
      run: ({ shared: { done, sleeping, permit } }) => {
        Atomics.store(done, 0, 1)
        if (Atomics.load(sleeping, 0) === 0) return
        Atomics.store(permit, 0, 1)
        Atomics.notify(permit, 0)
      },
    },
  },
})

export default defineScenario({
  name: '05-wake-up',
  summary: 'a sleeper says that it sleeps, and looks again before it does',
  tags: ['pattern', 'lockless'],
  ...wakeUp(({ done, sleeping }) => {
    Atomics.store(sleeping, 0, 1)
    return Atomics.load(done, 0) === 0
  }),
})
