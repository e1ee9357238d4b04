/**
 * 07. Many put in, one takes all: the lockless list
 *
 * A list of which only the head is ever swapped. To put a node in: read the head, let the node point to it, swap the head
 * for the node; if the head has changed meanwhile, again from the beginning, link and all. To take out: exchange the head
 * for nothing, and walk through what one has got: it belongs to the taker alone. It is the kernel's `llist`, and what it
 * uses wherever work is handed over from places that may not wait.
 *
 * Putting a node in releases it, taking all acquires them: the content of a node is a message, as in 01.
 *
 * P. Bonzini, "Lockless patterns: an introduction to compare-and-swap", LWN.net, 12 March 2021.
 *
 * $ npx torture explore 07-llist --seed 1 --cpus 1
 * ✔ 07-llist.1  nothing found, and nothing left to explore within the bounds
 *   work     36 executions, 355/s · 101 ms
 *   proof    all 24 classes of interleavings explored, …
 */
import assert from 'node:assert/strict'
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells } from '../classics/_classic.ts'

export interface List {
  readonly head: Int32Array
  /** By node, from 1: the node behind it; 0 is none. */
  readonly next: Int32Array
}

/** Takes all nodes out, the last one that was put in first. */
function takeAll({ head, next }: List): number[] {
  const taken: number[] = []
  for (let node = Atomics.exchange(head, 0, 0, 'acquire'); node !== 0; node = Atomics.load(next, node, 'relaxed'))
    taken.push(node)
  return taken
}

/** @param put puts a node in */
export const llist = (put: (list: List, node: number) => void): Classic<List> => ({
  setup: () => ({ head: cells(), next: cells(3) }),
  threads: {
    producer: { count: 2, run: ({ shared, index }) => put(shared, index + 1) },
    consumer: { run: ({ shared }) => takeAll(shared).length },
  },
  check: ({ shared, threads }) => {
    const found = threads.consumer[0] + takeAll(shared).length
    assert.equal(found, threads.producer.length, 'all that was put in is taken out')
  },
})

export default defineScenario({
  name: '07-llist',
  summary: 'a lockless list: nodes are put in one by one, and taken out all at once',
  tags: ['pattern', 'lockless'],
  ...llist(({ head, next }, node) => {
    let old = Atomics.load(head, 0, 'relaxed')
    for (;;) {
      Atomics.store(next, node, old, 'relaxed')
      const found = Atomics.compareExchange(head, 0, old, node, 'release')
      if (found === old) return
      old = found
    }
  }),
})
