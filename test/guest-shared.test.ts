import t from 'tap'
import { Image } from '../torture/guest/rounds/image.ts'
import { buffersOf, rebind, refuseUnshareable } from '../torture/guest/shared.ts'

const ints = (length: number) => new Int32Array(new SharedArrayBuffer(4 * length))

t.test('what cannot travel is refused by its path', async t => {
  t.throws(() => refuseUnshareable({ a: [{ b: () => 1 }] }), { message: 'shared.a[0].b is a function' })
  t.throws(() => refuseUnshareable({ s: Symbol('s') }), { message: 'shared.s is a symbol' })
  t.throws(() => refuseUnshareable(Promise.resolve()), { message: /^shared is a Promise/ })
  t.throws(() => refuseUnshareable(new Map([['k', () => 1]])), { message: 'shared.get(k) is a function' })
  const loop: Record<string, unknown> = { cells: ints(1) }
  loop.self = loop
  t.doesNotThrow(() => refuseUnshareable(loop))
})

t.test('copies have the same shape over other buffers', async t => {
  const cells = ints(4)
  const shared: Record<string, any> = {
    cells,
    tail: cells.subarray(2),
    view: new DataView(cells.buffer, 4, 8),
    map: new Map([['other', ints(2)]]),
    set: new Set([1]),
    private: new Float64Array([1, 2]),
    name: 'ring',
    nothing: null,
  }
  shared.self = shared
  const buffers = buffersOf(shared)
  t.equal(buffers.length, 2)
  const twins = buffers.map(buffer => new SharedArrayBuffer(buffer.byteLength))
  const copy = rebind(shared, twins)
  t.equal(copy.cells.buffer, twins[0])
  t.equal(copy.tail.buffer, twins[0], 'views of one buffer stay together')
  t.equal(copy.tail.byteOffset, 8)
  t.same([copy.view.byteOffset, copy.view.byteLength], [4, 8])
  t.equal(copy.map.get('other').buffer, twins[1])
  t.equal(copy.self, copy)
  t.same(copy.private, shared.private)
  t.not(copy.private.buffer, shared.private.buffer)
  t.same([copy.name, copy.nothing, [...copy.set]], ['ring', null, [1]])
  Atomics.store(copy.cells, 0, 5)
  t.equal(cells[0], 0)
})

t.test('an image restores originals and copies, whatever their size', async t => {
  for (const length of [1, 200, 16_384, 50_001]) {
    const cells = ints(length)
    cells[0] = 7
    cells[length - 1] = 8
    const pristine = Array.from(cells)
    const image = new Image([cells.buffer as SharedArrayBuffer])
    const restore = image.restorer([cells.buffer as SharedArrayBuffer])
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < length; i += 999) cells[i]--
      restore()
      t.same(Array.from(cells), pristine, `${length} words`)
    }
    const copy = ints(length)
    image.restorer([copy.buffer as SharedArrayBuffer])()
    t.same(Array.from(copy), pristine)
  }
})
