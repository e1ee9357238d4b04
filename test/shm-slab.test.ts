/** Slabs: prompt reuse, generations, poison; and the tag that a pop which was overtaken fails by. */
import t from 'tap'
import { ArenaBuilder, objectAt, POISON } from '../lib/shm/arena.ts'
import { struct } from '../lib/shm/layout.ts'
import { initSlab, Slab, type SlabImage, slabRegion } from '../lib/shm/slab.ts'
import { violationOf } from './helpers/memory.ts'

const THING = struct('thing', { kept: 'survives freeing', a: 'does not', b: 'nor does this' })

function slabs(count: number, keep = 0): { w: Int32Array; image: SlabImage; a: Slab; b: Slab } {
  const builder = new ArenaBuilder()
  const image = slabRegion(builder, 'thing', THING, count)
  const { words: w } = builder.build()
  initSlab(w, image)
  return { w, image, a: new Slab(w, image, keep), b: new Slab(w, image, keep) }
}

t.test('objects are handed out once, in order, until none is left', async t => {
  const { image, a, b } = slabs(3)
  t.same([a.alloc(), b.alloc(), a.alloc(), b.alloc()], [0, 1, 2].map(n => objectAt(image.objects, n)).concat(0))
  t.equal(a.live(), 3)
})

t.test('the last one freed is the first handed out', async t => {
  const { a, b } = slabs(4)
  const [one, two, three] = [a.alloc(), a.alloc(), a.alloc()]
  for (const object of [two, one, three]) b.free(object)
  t.same([a.alloc(), a.alloc(), a.alloc()], [three, one, two])
})

t.test('an exhausted slab serves again', async t => {
  const { a } = slabs(1)
  const one = a.alloc()
  t.equal(a.alloc(), 0)
  a.free(one)
  t.equal(a.alloc(), one)
})

t.test('a generation tells lives apart', async t => {
  const { a, b } = slabs(2)
  const object = a.alloc()
  const first = a.generation(object)
  t.equal(first & 1, 1, 'odd while it lives')
  t.equal(b.isLive(object), true)
  b.free(object)
  t.equal(a.isLive(object), false)
  t.equal(b.alloc(), object)
  t.equal(a.generation(object), first + 2)
  t.equal(a.live(), 1)
})

t.test('freeing twice is named', async t => {
  const { a, b } = slabs(2)
  const object = a.alloc()
  a.free(object)
  const violation = violationOf(() => b.free(object))
  t.equal(violation?.oracle, 'GEN')
  t.equal(violation?.message, 'thing[0] was freed twice')
})

t.test('an object that is twice in the list is named when it comes out again', async t => {
  const { w, image, a } = slabs(2)
  const one = a.alloc()
  // As two frees that did not see each other would leave it: live, and on top of the list.
  a.free(one)
  Atomics.add(w, objectAt(image.meta, 0), 1)
  const violation = violationOf(() => a.alloc())
  t.equal(violation?.oracle, 'GEN')
  t.equal(violation?.message, 'thing[0] was handed out while it is live')
})

t.test('freed memory is poisoned, but for the words that late readers may touch', async t => {
  const { w, image, a } = slabs(2, 1)
  const object = a.alloc()
  for (let n = 0; n < 3; n++) Atomics.store(w, object + n, n + 1)
  a.free(object)
  t.same(
    [0, 1, 2].map(n => Atomics.load(w, object + n)),
    [1, POISON, POISON],
  )
  t.equal(Atomics.load(w, objectAt(image.objects, 1) + 1), POISON, 'what was never used is poisoned, too')
})

t.test('a pop that was overtaken fails, although the same object is on top again', async t => {
  const { w, image, a, b } = slabs(3)
  const top = () => Atomics.load(w, image.head.base) & 0xffff
  const before = top()
  let two = 0
  // Between the loads of a pop and its compare-and-swap.
  beforeNextSwap(() => {
    const one = b.alloc()
    two = b.alloc()
    b.free(one)
    t.equal(top(), before)
  })
  t.equal(a.alloc(), objectAt(image.objects, 0))
  t.ok(b.isLive(two))
  t.equal(a.alloc(), objectAt(image.objects, 2), 'object 1 is not handed out twice')
  t.equal(a.live(), 3)
})

function beforeNextSwap(act: () => void): void {
  const { compareExchange } = Atomics
  const overtaken = (words: Int32Array, at: number, expected: number, value: number): number => {
    Object.assign(Atomics, { compareExchange })
    act()
    return compareExchange(words, at, expected, value)
  }
  Object.assign(Atomics, { compareExchange: overtaken })
}

t.test('the tag wraps without harm', async t => {
  const { a } = slabs(2)
  for (let n = 0; n < 70_000; n++) a.free(a.alloc())
  t.equal(a.live(), 0)
  t.same([a.alloc() > 0, a.alloc() > 0, a.alloc()], [true, true, 0])
})

t.test('a slab that its tag leaves no room for is refused', async t => {
  t.throws(() => slabRegion(new ArenaBuilder(), 'thing', THING, 65_535), /slab thing: 65535 objects, at most 65534/)
})
