/**
 * 08. Taking one: why the stack is harder than the list
 *
 * To take one node instead of all: read the head, read the node behind it, swap the head for that one. Between the reading
 * and the swap the head must not have changed, and the swap cannot tell: it sees whether the same node is there, not
 * whether it is the same list. A node that was taken out, used, and put in again meanwhile looks as if nothing had happened
 * (**ABA**), and what is behind it is another node now.
 *
 * With one consumer at a time it cannot happen: only a consumer takes nodes out, so while it looks at the first one nobody
 * else can, and producers only put new ones before it. That is what the kernel asks of `llist_del_first`: producers need
 * no lock, consumers take one among themselves. Other ways out are a count in the head, hazard pointers, or RCU.
 *
 * P. Bonzini, "Lockless patterns: an introduction to compare-and-swap", LWN.net, 12 March 2021.
 *
 * $ npx torture explore 08-one-consumer --seed 1 --cpus 1
 * ✔ 08-one-consumer.1  nothing found, and nothing left to explore within the bounds
 *   work     240 executions, 548/s · 438 ms
 *   proof    all 28 classes of interleavings explored, …
 */
import assert from 'node:assert/strict'
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells } from '../classics/_classic.ts'

export interface Stack {
  readonly head: Int32Array
  /** By node, from 1: the node behind it; 0 is none. */
  readonly next: Int32Array
  /** 1 while a consumer is at work. */
  readonly consuming: Int32Array
}

function put({ head, next }: Stack, node: number): void {
  let old = Atomics.load(head, 0)
  for (;;) {
    Atomics.store(next, node, old)
    const found = Atomics.compareExchange(head, 0, old, node)
    if (found === old) return
    old = found
  }
}

/** Takes the first node out; 0: there is none. */
export function takeOne({ head, next }: Stack): number {
  let old = Atomics.load(head, 0)
  for (;;) {
    if (old === 0) return 0
    const found = Atomics.compareExchange(head, 0, old, Atomics.load(next, old))
    if (found === old) return old
    old = found
  }
}

/** @param take takes one node out, among several consumers */
export const oneConsumer = (take: (stack: Stack) => number): Classic<Stack> => ({
  setup: () => {
    const stack = { head: cells(), next: cells(3), consuming: cells() }
    put(stack, 2)
    put(stack, 1)
    return stack
  },
  threads: {
    consumer: { run: ({ shared }) => take(shared) },
    // Takes two, and puts the one that was in front back: the nodes that memory recycles soonest are those just used.
    recycler: {
      run: ({ shared }) => {
        const one = take(shared)
        const kept = take(shared)
        if (one !== 0) put(shared, one)
        return kept
      },
    },
  },
  check: ({ shared: { head, next }, threads }) => {
    const found: number[] = [threads.consumer[0], threads.recycler[0]].filter(node => node !== 0)
    for (let node = Atomics.load(head, 0); node !== 0 && found.length < 3; node = Atomics.load(next, node))
      found.push(node)
    assert.equal(String(found.sort()), '1,2', "each node is in the stack or in somebody's hands, once")
  },
})

export default defineScenario({
  name: '08-one-consumer',
  summary: 'a stack: producers without a lock, one consumer at a time',
  tags: ['pattern', 'lockless'],
  ...oneConsumer(stack => {
    while (Atomics.compareExchange(stack.consuming, 0, 0, 1) !== 0);
    const node = takeOne(stack)
    Atomics.store(stack.consuming, 0, 0)
    return node
  }),
})
