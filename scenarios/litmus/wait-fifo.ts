/**
 * Notify wakes in the order in which the waiters came. That is hard to see from outside, since nobody knows when another
 * thread is asleep; but `Atomics.waitAsync` has joined the queue when it returns. So the first thread joins that way and
 * says so, then the second one, and then a third one wakes one of them.
 */
import { acceptable, defineScenario, forbidden } from '../../torture/scenario.ts'
import { cells } from './_litmus.ts'

/** Values of `turn`: how many have joined. */
const JOINED = { nobody: 0, first: 1, both: 2 } as const

interface Shared {
  readonly word: Int32Array
  readonly turn: Int32Array
  readonly woken: Int32Array
}

function joined(turn: Int32Array, wanted: number): void {
  for (let now = Atomics.load(turn, 0); now !== wanted; now = Atomics.load(turn, 0)) Atomics.wait(turn, 0, now)
}

/** Joins the queue in its turn; says that it was woken, if it is the first to be. */
async function sleeper({ word, turn, woken }: Shared, me: 1 | 2): Promise<void> {
  joined(turn, me - 1)
  const { async, value } = Atomics.waitAsync(word, 0, 0)
  Atomics.store(turn, 0, me)
  Atomics.notify(turn, 0)
  if (async) await value
  Atomics.compareExchange(woken, 0, 0, me)
  Atomics.notify(woken, 0)
}

export default defineScenario({
  name: 'litmus-wait-fifo',
  summary: 'notify wakes the one that has waited longest',
  tags: ['litmus', 'lockless'],
  roundMs: 100,
  setup: (): Shared => cells('word', 'turn', 'woken'),
  threads: {
    first: { run: ({ shared }) => sleeper(shared, JOINED.first) },
    second: { run: ({ shared }) => sleeper(shared, JOINED.both) },
    waker: {
      run: ({ shared: { word, turn, woken } }) => {
        joined(turn, JOINED.both)
        const count = Atomics.notify(word, 0, 1)
        Atomics.wait(woken, 0, 0)
        const who = Atomics.load(woken, 0)
        Atomics.notify(word, 0)
        return [count, who]
      },
    },
  },
  observes: ['notified', 'woken'],
  outcomes: {
    '1,1': acceptable('the first to come was woken'),
    '1,2': forbidden('the second one was woken, and the first was still there'),
  },
})
