/**
 * Treiber's stack: a list whose head is swapped. Nodes are used again at once, so the head carries a count of its
 * changes: the same node on top need not be the same stack.
 *
 * R. K. Treiber, "Systems programming: coping with parallelism", IBM Research Report RJ 5118, 1986.
 */
import assert from 'node:assert/strict'
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells } from './_classic.ts'

/** The low bits of the head are the node, and the others count. */
export const NODE_BITS = 8
export const NODE_MASK = (1 << NODE_BITS) - 1
const NONE = 0
const NODES = [1, 2]

export interface TreiberStack {
  readonly head: Int32Array
  /** By node: the one below. */
  readonly next: Int32Array
}

/** @param headAfter the head that puts a node on top in place of what is there */
export const treiberStack = (headAfter: (head: number, node: number) => number): Classic<TreiberStack> => {
  const push = ({ head, next }: TreiberStack, node: number): void => {
    for (;;) {
      const old = Atomics.load(head, 0)
      Atomics.store(next, node, old & NODE_MASK)
      if (Atomics.compareExchange(head, 0, old, headAfter(old, node)) === old) return
    }
  }

  const pop = ({ head, next }: TreiberStack): number => {
    for (;;) {
      const old = Atomics.load(head, 0)
      const node = old & NODE_MASK
      if (node === NONE) return NONE
      const below = Atomics.load(next, node)
      if (Atomics.compareExchange(head, 0, old, headAfter(old, below)) === old) return node
    }
  }

  return {
    setup: () => {
      const stack = { head: cells(), next: cells(NODES.length + 1) }
      for (const node of NODES) push(stack, node)
      return stack
    },
    threads: {
      taker: { run: ({ shared: stack }) => pop(stack) },
      // Takes two, and puts the one that was on top back.
      returner: {
        run: ({ shared: stack }) => {
          const top = pop(stack)
          const kept = pop(stack)
          if (top !== NONE) push(stack, top)
          return kept
        },
      },
    },
    check: ({ shared: { head, next }, threads }) => {
      const found: number[] = [threads.taker[0], threads.returner[0]].filter(node => node !== NONE)
      let node = Atomics.load(head, 0) & NODE_MASK
      // No further than one too many: a stack may be a circle.
      for (; node !== NONE && found.length <= NODES.length; node = Atomics.load(next, node)) found.push(node)
      assert.equal(String(found.sort()), String(NODES), "each node is in the stack or in a thread's hands, once")
    },
  }
}

export default defineScenario({
  name: 'treiber-stack',
  summary: "Treiber's stack: each change of the head is counted in it",
  tags: ['classic'],
  ...treiberStack((head, node) => (((head >> NODE_BITS) + 1) << NODE_BITS) | node),
})
