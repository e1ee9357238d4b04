/**
 * The Michael–Scott queue: a list with a dummy in front, whose tail may lag behind by one node; who finds it so helps.
 * Nodes are used once, as in a language with garbage collection, so no pointer needs a count.
 *
 * M. M. Michael and M. L. Scott, "Simple, fast, and practical non-blocking and blocking concurrent queue algorithms",
 * PODC 1996.
 */
import assert from 'node:assert/strict'
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells } from './_classic.ts'

const NONE = 0
const DUMMY = 1
/** The only item: an item is its node. */
const ITEM = 2

export interface MichaelScottQueue {
  readonly head: Int32Array
  readonly tail: Int32Array
  /** By node: the one behind. */
  readonly next: Int32Array
}

/** @param ends returns the head and the tail */
export const michaelScottQueue = (
  ends: (queue: MichaelScottQueue) => readonly [number, number],
): Classic<MichaelScottQueue> => {
  const enqueue = ({ tail, next }: MichaelScottQueue, node: number): void => {
    for (;;) {
      const last = Atomics.load(tail, 0)
      const behind = Atomics.compareExchange(next, last, NONE, node)
      Atomics.compareExchange(tail, 0, last, behind === NONE ? node : behind)
      if (behind === NONE) return
    }
  }

  const dequeue = (queue: MichaelScottQueue): number => {
    for (;;) {
      const [first, last] = ends(queue)
      const behind = Atomics.load(queue.next, first)
      if (first === last) {
        if (behind === NONE) return NONE
        Atomics.compareExchange(queue.tail, 0, last, behind)
      } else {
        assert.notEqual(behind, NONE, 'what lies behind a head that is not the tail is a node')
        if (Atomics.compareExchange(queue.head, 0, first, behind) === first) return behind
      }
    }
  }

  return {
    setup: () => {
      const queue = { head: cells(), tail: cells(), next: cells(ITEM + 1) }
      Atomics.store(queue.head, 0, DUMMY)
      Atomics.store(queue.tail, 0, DUMMY)
      return queue
    },
    threads: {
      consumer: { run: ({ shared: queue }) => dequeue(queue) },
      producer: {
        run: ({ shared: queue }) => {
          enqueue(queue, ITEM)
          return dequeue(queue)
        },
      },
    },
    check: ({ threads }) =>
      assert.equal(threads.consumer[0] + threads.producer[0], NONE + ITEM, 'one thread gets the item, the other none'),
  }
}

export default defineScenario({
  name: 'michael-scott-queue',
  summary: 'a Michael–Scott queue: the head is read before the tail',
  tags: ['classic'],
  ...michaelScottQueue(({ head, tail }) => {
    const first = Atomics.load(head, 0)
    return [first, Atomics.load(tail, 0)]
  }),
})
