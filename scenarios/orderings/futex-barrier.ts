/**
 * Sleeping and waking as futexes do it: who goes to sleep announces itself and looks at the condition once more; who
 * changes the condition looks whether anybody has announced itself. Each writes one cell and reads the other's, so both
 * stores must be visible before either load: with less than full order each may miss the other.
 *
 * Linux commit 76835b0ebf8a (2014) put the missing barrier into the kernel's futex; the mutant takes it away.
 */
import { defineScenario } from '../../torture/scenario.ts'
import { cells } from '../classics/_classic.ts'

export interface Futex {
  readonly done: Int32Array
  readonly sleepers: Int32Array
}
type Shared = { readonly shared: Futex }

/** @param order of both loads and stores; undefined is the full order that it takes */
export const futexBarrier = (order: 'relaxed' | undefined) => {
  const load = (words: Int32Array) => (order === undefined ? Atomics.load(words, 0) : Atomics.load(words, 0, order))
  const store = (words: Int32Array) =>
    order === undefined ? Atomics.store(words, 0, 1) : Atomics.store(words, 0, 1, order)
  return {
    setup: (): Futex => ({ done: cells(), sleepers: cells() }),
    threads: {
      sleeper: {
        run: ({ shared: { done, sleepers } }: Shared) => {
          store(sleepers)
          // The kernel compares the word under its own lock; here that is the wait itself, which looks at another cell.
          if (load(done) === 0) Atomics.wait(sleepers, 0, 1)
        },
      },
      waker: {
        run: ({ shared: { done, sleepers } }: Shared) => {
          store(done)
          if (load(sleepers) === 0) return
          Atomics.store(sleepers, 0, 0)
          Atomics.notify(sleepers, 0)
        },
      },
    },
  }
}

export default defineScenario({
  name: 'futex-barrier',
  summary: 'a sleeper and its waker, each of which writes before it looks: full order',
  tags: ['ordering'],
  ...futexBarrier(undefined),
})
