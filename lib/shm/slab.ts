/**
 * A slab: objects of one type in a region, recycled promptly, the last freed first (ABA needs prompt reuse). Type-safe:
 * freed memory stays of its type, so a reader that comes late reads a stale or poisoned object, never another type.
 *
 * The free list is a stack with a tagged head: the tag changes with every pop, so a pop that was overtaken fails its
 * compare-and-swap although the same object may be back on top.
 */
import { violated } from '../check/oracle.ts'
import { type ArenaBuilder, indexOf, objectAt, POISON, type Region, type RegionOptions } from './arena.ts'
import { type StructOf, struct } from './layout.ts'

const HEAD = struct('slab', {
  head: 'tag in the upper 16 bits, number + 1 of the first free object in the lower; 0: none',
  live: 'objects handed out',
})
const META = struct('slab_meta', {
  gen: 'generation: odd while the object is live',
  next: 'number + 1 of the next free object',
})

const INDEX = 0xffff

/** Where a slab lies. */
export interface SlabImage {
  readonly objects: Region
  readonly head: Region
  readonly meta: Region
}

/** Reserves a slab of `count` objects (at most 65,534). */
export function slabRegion(
  builder: ArenaBuilder,
  name: string,
  layout: StructOf<any>,
  count: number,
  options: RegionOptions = {},
): SlabImage {
  if (count >= INDEX) throw new RangeError(`slab ${name}: ${count} objects, at most ${INDEX - 1}`)
  return {
    objects: builder.region(name, layout, count, options),
    head: builder.region(`${name}_slab`, HEAD, 1),
    meta: builder.region(`${name}_meta`, META, count),
  }
}

/** Makes every object free, number 0 on top. Once, before any thread starts. */
export function initSlab(words: Int32Array, slab: SlabImage): void {
  const { objects, meta } = slab
  for (let n = 0; n < objects.count; n++) {
    Atomics.store(words, objectAt(meta, n) + META.next, n + 1 < objects.count ? n + 2 : 0)
    poison(words, objectAt(objects, n), objects.stride, 0)
  }
  Atomics.store(words, slab.head.base + HEAD.head, 1)
}

/** A thread's handle of a slab. */
export class Slab {
  readonly #w: Int32Array
  readonly #slab: SlabImage
  readonly #keep: number

  /** @param keep words at the start of each object that freeing leaves alone: those that late readers may touch */
  constructor(words: Int32Array, slab: SlabImage, keep = 0) {
    this.#w = words
    this.#slab = slab
    this.#keep = keep
  }

  /** Base of a live object, its words beyond `keep` poisoned; 0 when the slab is exhausted. */
  alloc(): number {
    const { head, meta, objects } = this.#slab
    const w = this.#w
    const top = head.base + HEAD.head
    for (;;) {
      const seen = Atomics.load(w, top)
      const number = seen & INDEX
      if (number === 0) return 0
      const entry = objectAt(meta, number - 1)
      const next = Atomics.load(w, entry + META.next)
      // Between the two loads the object may have been popped, used and pushed again: the tag tells.
      if (Atomics.compareExchange(w, top, seen, ((seen + 0x10000) & ~INDEX) | next) !== seen) continue
      const gen = Atomics.add(w, entry + META.gen, 1)
      if (gen & 1) violated('GEN', `${objects.name}[${number - 1}] was handed out while it is live`)
      Atomics.add(w, head.base + HEAD.live, 1)
      return objectAt(objects, number - 1)
    }
  }

  /** Poisons an object and makes it the next to be handed out. Freeing it twice violates GEN. */
  free(object: number): void {
    const { head, meta, objects } = this.#slab
    const w = this.#w
    const index = indexOf(objects, object)
    const entry = objectAt(meta, index)
    const gen = Atomics.add(w, entry + META.gen, 1)
    if (!(gen & 1)) violated('GEN', `${objects.name}[${index}] was freed twice`)
    poison(w, object, objects.stride, this.#keep)
    Atomics.sub(w, head.base + HEAD.live, 1)
    const top = head.base + HEAD.head
    for (;;) {
      const seen = Atomics.load(w, top)
      Atomics.store(w, entry + META.next, seen & INDEX)
      if (Atomics.compareExchange(w, top, seen, (seen & ~INDEX) | (index + 1)) === seen) return
    }
  }

  /** Current generation of the object: compare with one taken earlier to see whether it is still the same. */
  generation(object: number): number {
    const { meta, objects } = this.#slab
    return Atomics.load(this.#w, objectAt(meta, indexOf(objects, object)) + META.gen)
  }

  isLive(object: number): boolean {
    return (this.generation(object) & 1) === 1
  }

  /** Objects handed out and not yet freed. */
  live(): number {
    return Atomics.load(this.#w, this.#slab.head.base + HEAD.live)
  }
}

function poison(w: Int32Array, object: number, words: number, keep: number): void {
  for (let at = keep; at < words; at++) Atomics.store(w, object + at, POISON)
}
