/**
 * Dekker's lock for two threads, the first one ever. Who finds that the other one wants to enter, too, and has the turn,
 * takes back its own wish and waits for the turn.
 *
 * It is also why processors have barriers: a thread's wish must be seen before it looks for the other's. Those two are
 * in full order here; all else needs less.
 *
 * E. W. Dijkstra, "Cooperating sequential processes" (EWD 123), 1965, section 2.1.
 */
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells, criticalSection } from './_classic.ts'

export interface Dekker {
  readonly wants: Int32Array
  /** Who may insist. */
  readonly turn: Int32Array
  readonly inside: Int32Array
}

/** @param giveWay waits until a thread has the turn */
export const dekker = (giveWay: (shared: Dekker, me: number) => void): Classic<Dekker> => ({
  setup: () => ({ wants: cells(2), turn: cells(), inside: cells() }),
  threads: {
    contender: {
      count: 2,
      run: ({ shared, index: me, fail }) => {
        const { wants, turn, inside } = shared
        const other = 1 - me
        Atomics.store(wants, me, 1)
        while (Atomics.load(wants, other) === 1) {
          if (Atomics.load(turn, 0, 'relaxed') === other) giveWay(shared, me)
        }
        criticalSection(inside, fail)
        Atomics.store(turn, 0, other, 'relaxed')
        Atomics.store(wants, me, 0, 'release')
      },
    },
  },
})

export default defineScenario({
  name: 'dekker',
  summary: "Dekker's lock: who has not got the turn takes its wish back while it waits",
  tags: ['classic'],
  ...dekker(({ wants, turn }, me) => {
    Atomics.store(wants, me, 0, 'relaxed')
    while (Atomics.load(turn, 0, 'relaxed') !== me);
    Atomics.store(wants, me, 1)
  }),
})
