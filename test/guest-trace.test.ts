import t from 'tap'
import { ENTRY_WORDS } from '../lib/shm/sites.ts'
import { mergeTrace, type Ring } from '../torture/guest/watch/trace.ts'

const names = ['a', 'b']

/** A recorder of `capacity` entries into which (site, time) pairs were written one after the other. */
function ring(thread: string, capacity: number, written: readonly (readonly [number, number])[]): Ring {
  const entries = new Int32Array(capacity * ENTRY_WORDS)
  for (const [seq, [site, us]] of written.entries()) entries.set([site, seq, 0, us], (seq % capacity) * ENTRY_WORDS)
  return { thread, entries, written: written.length }
}
const order = (rings: readonly Ring[], last = 100) =>
  mergeTrace(rings, names, last).map(({ thread, seq, unordered }) => `${thread}${seq}${unordered ? '?' : ''}`)

t.test('entries with times are merged, close ones are marked', async t => {
  const x = ring('x', 8, [
    [0, 100],
    [1, 110],
    [0, 130],
  ])
  const y = ring('y', 8, [
    [0, 105],
    [1, 110],
  ])
  t.same(order([x, y]), ['x0', 'y0', 'x1?', 'y1?', 'x2'])
  t.same(mergeTrace([x, y], names, 100)[1], { thread: 'y', seq: 0, site: 'a', a: 0, b: 0, us: -25 })
})

t.test('entries without a time keep their place in their thread', async t => {
  const x = ring('x', 8, [
    [0, 0],
    [0, 100],
    [1, 0],
    [1, 0],
    [0, 120],
  ])
  const y = ring('y', 8, [[0, 110]])
  t.same(order([x, y]), ['x0?', 'x1', 'x2?', 'x3?', 'y0', 'x4'])
})

t.test('only the last entries are there', async t => {
  const written = Array.from({ length: 20 }, (_, i) => [0, 100 + 10 * i] as const)
  t.same(order([ring('x', 8, written)]), ['x12', 'x13', 'x14', 'x15', 'x16', 'x17', 'x18', 'x19'])
  t.same(order([ring('x', 8, written)], 2), ['x18', 'x19'])
})

t.test('stamps that wrap around stay in order', async t => {
  const x = ring('x', 8, [[0, 0x7ffffffe - 5]])
  const y = ring('y', 8, [[0, 10]])
  t.same(order([y, x]), ['x0', 'y0'])
})
