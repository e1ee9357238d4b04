/** Layouts, regions and the names of cells. */
import t from 'tap'
import { ArenaBuilder, cellName, indexOf, LINE_WORDS, objectAt, roundUp } from '../lib/shm/arena.ts'
import { infoOf, struct } from '../lib/shm/layout.ts'

const INNER = struct('inner', { a: 'first', b: 'second' })
const OUTER = struct('outer', {
  one: 'a word',
  many: { words: 3, describe: 'three words' },
  inner: { struct: INNER, describe: 'a struct in place' },
  last: 'the end',
})

t.test('fields lie in order, without padding', async t => {
  const { one, many, inner, last } = OUTER
  t.same({ one, many, inner, last }, { one: 0, many: 1, inner: 4, last: 6 })
  t.equal(infoOf(OUTER).words, 7)
  t.same(
    infoOf(OUTER).fields.map(({ name, at, words }) => [name, at, words]),
    [
      ['one', 0, 1],
      ['many', 1, 3],
      ['inner.a', 4, 1],
      ['inner.b', 5, 1],
      ['last', 6, 1],
    ],
  )
  t.equal(infoOf(OUTER).fields[3].describe, 'second')
})

t.test('regions begin on cache lines and do not overlap', async t => {
  const builder = new ArenaBuilder()
  const packed = builder.region('packed', INNER, 5)
  const apart = builder.region('apart', INNER, 3, { ownLines: true })
  const more = builder.region('more', OUTER, 2, { extraWords: 4 })
  const image = builder.build()
  for (const { base } of image.regions) {
    t.equal(base % LINE_WORDS, 0)
    t.ok(base > 0, '0 can mean none')
  }
  t.same([packed.stride, apart.stride, more.stride], [2, LINE_WORDS, 11])
  for (const [n, region] of image.regions.slice(1).entries())
    t.ok(region.base >= image.regions[n].base + image.regions[n].stride * image.regions[n].count)
  t.equal(image.words.length, roundUp(more.base + 2 * 11, LINE_WORDS), 'exactly the size needed')
  t.ok(image.words.buffer instanceof SharedArrayBuffer)
  t.ok(image.words.every(word => word === 0))
  for (const region of image.regions)
    for (let n = 0; n < region.count; n++) t.equal(indexOf(region, objectAt(region, n)), n)
})

t.test('every cell has a name', async t => {
  const builder = new ArenaBuilder()
  const many = builder.region('thing', OUTER, 3, { extraWords: 2 })
  const single = builder.region('single', INNER, 1)
  const image = builder.build()
  const second = objectAt(many, 1)
  const names = {
    [cellName(image, second + OUTER.one)]: 'thing[1].one',
    [cellName(image, second + OUTER.many + 2)]: 'thing[1].many[2]',
    [cellName(image, second + OUTER.inner + INNER.b)]: 'thing[1].inner.b',
    [cellName(image, second + OUTER.last)]: 'thing[1].last',
    [cellName(image, second + OUTER.last + 2)]: 'thing[1]+8',
    [cellName(image, objectAt(many, 0))]: 'thing[0].one',
    [cellName(image, single.base + INNER.b)]: 'single.b',
    [cellName(image, 3)]: 'word 3',
    [cellName(image, image.words.length - 1)]: `word ${image.words.length - 1}`,
  }
  for (const [is, should] of Object.entries(names)) t.equal(is, should)
  const all = Array.from({ length: image.words.length }, (_, word) => cellName(image, word))
  t.equal(new Set(all).size, all.length, 'and each its own')
})

t.test('an image survives a message', async t => {
  const builder = new ArenaBuilder()
  const region = builder.region('thing', INNER, 2)
  const image = builder.build()
  const copy = structuredClone(image)
  Atomics.store(image.words, region.base, 7)
  t.equal(Atomics.load(copy.words, region.base), 7, 'the same memory')
  t.equal(cellName(copy, region.base), 'thing[0].a')
  t.equal(copy.$arena, 1)
})

t.test('impossible sizes are refused', async t => {
  const builder = new ArenaBuilder()
  for (const count of [0, -1, 1.5, Number.NaN, 2 ** 53])
    t.throws(() => builder.region('thing', INNER, count), new RangeError(`region thing: ${count} objects`))
  t.throws(() => builder.region('vast', INNER, 2 ** 28), /the arena would exceed 1 GiB at region vast/)
})
