/**
 * The nodes of linked structures: objects of a slab that hold a link and a value. The slab recycles the node freed last
 * first, which is what ABA needs, poisons what it takes back, and notices a node that is freed twice.
 */
import { violated } from '../check/oracle.ts'
import { type ArenaBuilder, indexOf, objectAt, POISON } from '../shm/arena.ts'
import { struct } from '../shm/layout.ts'
import { initSlab, Slab, type SlabImage, slabRegion } from '../shm/slab.ts'

export const NODE = struct('node', {
  next: 'the node behind or below, in the form that the structure links its nodes by; 0: none',
  value: 'what the structure holds for its user; never 0',
})

/** Reserves so many nodes. `initNodes` makes them free. */
export const nodeRegion = (builder: ArenaBuilder, count: number): SlabImage => slabRegion(builder, 'node', NODE, count)

export const initNodes = (w: Int32Array, slab: SlabImage): void => initSlab(w, slab)

/** A thread's handle of the nodes. Nodes go by their number, from 1; 0 is none. */
export class Nodes {
  readonly #w: Int32Array
  readonly #slab: SlabImage
  readonly #slabOf: Slab
  #aside = 0

  /** @param stable whether links survive freeing: for structures whose late readers rely on the count in a link */
  constructor(w: Int32Array, slab: SlabImage, stable = false) {
    this.#w = w
    this.#slab = slab
    this.#slabOf = new Slab(w, slab, stable ? 1 : 0)
  }

  /** Cell of a node's link. A number that is none of a node violates GEN: it was read from what had been freed. */
  next(number: number): number {
    return this.#at(number) + NODE.next
  }

  /** A node that holds the value, its link still to be set; 0 when there is none left. */
  alloc(value: number): number {
    const node = this.#slabOf.alloc()
    if (node === 0) return 0
    // Whoever publishes the node does so by a release.
    Atomics.store(this.#w, node + NODE.value, value, 'relaxed')
    return indexOf(this.#slab.objects, node) + 1
  }

  /** The value of a node that the caller may look at. One that was freed violates GEN. */
  value(number: number): number {
    const value = this.peek(number)
    if (value === POISON) violated('GEN', `node[${number - 1}] is read after it was freed`)
    return value
  }

  /** The value of a node that may have been freed: what it is worth, the caller has to find out. */
  peek(number: number): number {
    return Atomics.load(this.#w, this.#at(number) + NODE.value, 'relaxed')
  }

  /** The link of a node that the caller may look at. One that was freed violates GEN. */
  link(number: number): number {
    const next = Atomics.load(this.#w, this.next(number), 'relaxed')
    if (next === POISON) violated('GEN', `node[${number - 1}] is followed after it was freed`)
    return next
  }

  /** Whether a node is handed out at this moment. */
  isLive(number: number): boolean {
    return this.#slabOf.isLive(this.#at(number))
  }

  free(number: number): void {
    this.#slabOf.free(this.#at(number))
  }

  /** The value of a node that is the caller's alone, and frees it. */
  take(number: number): number {
    const value = this.value(number)
    this.free(number)
    return value
  }

  /**
   * Takes a free node aside, and frees the one that was aside before: for tests. A stack above a slab that is a stack
   * as well has the same node at the same depth again and again, and where nothing else moves ABA does no harm.
   */
  shuffle(): void {
    const aside = this.#slabOf.alloc()
    this.putBack()
    this.#aside = aside
  }

  /** Frees the node that was taken aside. */
  putBack(): void {
    if (this.#aside !== 0) this.#slabOf.free(this.#aside)
    this.#aside = 0
  }

  /** Nodes handed out and not yet freed. */
  live(): number {
    return this.#slabOf.live()
  }

  #at(number: number): number {
    const { objects } = this.#slab
    if (number < 1 || number > objects.count) violated('GEN', `there is no node ${number}: freed memory was followed`)
    return objectAt(objects, number - 1)
  }
}
