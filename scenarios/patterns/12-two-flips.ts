/**
 * 12. Waiting for readers: SRCU, almost
 *
 * Readers of a pointer count themselves in and out; who has put a new object in the place of the old one waits until no
 * reader is left who may have found the old one, and frees it. One count would never be 0 with readers coming all the time,
 * so there are two, and an index that says which of them new readers take. To wait: turn the index, and wait until the
 * count that nobody takes any more is 0.
 *
 * A reader reads the index and then counts itself in, in two steps. Between them the index may turn, and one that is
 * slow is counted where nobody looks. So the index is turned **twice**, which waits for both counts, as the first SRCU of
 * the kernel did; that of today waits for both, too. The count is in full order on both sides: a reader that is not seen
 * finds the new object.
 *
 * P. Bonzini, "Lockless patterns: some final topics", LWN.net, 30 March 2021, is about what is left: when to use all this,
 * and when not. P. McKenney, "Sleepable RCU", LWN.net, 9 October 2006, is the source of the two flips.
 *
 * $ npx torture explore 12-two-flips --seed 1 --cpus 1
 * ✔ 12-two-flips.1  nothing found, and nothing left to explore within the bounds
 *   work     247 executions, 398/s · 621 ms
 *   proof    all 35 classes of interleavings explored, …
 */
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells } from '../classics/_classic.ts'

export interface Srcu {
  /** Its lowest bit says which count new readers take. */
  readonly index: Int32Array
  readonly readers: Int32Array
  /** The number of the object that is to be found. */
  readonly pointer: Int32Array
  /** By object: 1 when it is freed. */
  readonly freed: Int32Array
}

/** Turns the index, and waits for the readers of the count that it pointed to. */
export function flip({ index, readers }: Srcu): void {
  const before = Atomics.add(index, 0, 1) & 1
  while (Atomics.load(readers, before) !== 0);
}

/** @param synchronize waits until all readers are gone that may have found what is not to be found any more */
export const srcu = (synchronize: (shared: Srcu) => void): Classic<Srcu> => ({
  setup: () => ({ index: cells(), readers: cells(2), pointer: cells(), freed: cells(3) }),
  threads: {
    reader: {
      run: ({ shared: { index, readers, pointer, freed }, fail }) => {
        const mine = Atomics.load(index, 0) & 1
        Atomics.add(readers, mine, 1)
        const object = Atomics.load(pointer, 0)
        if (Atomics.load(freed, object) !== 0) fail('a reader uses an object that is freed', { object })
        Atomics.sub(readers, mine, 1)
      },
    },
    updater: {
      run: ({ shared }) => {
        for (const object of [1, 2]) {
          Atomics.store(shared.pointer, 0, object)
          synchronize(shared)
          Atomics.store(shared.freed, object - 1, 1)
        }
      },
    },
  },
})

export default defineScenario({
  name: '12-two-flips',
  summary: 'two counts of readers and an index that is turned twice: SRCU, almost',
  tags: ['pattern', 'lockless'],
  ...srcu(shared => {
    flip(shared)
    flip(shared)
  }),
})
