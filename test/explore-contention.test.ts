/** Which cells threads meet at, where views of several types lie over the same memory. */
import t from 'tap'
import type { Names } from '../torture/explore/report/names.ts'
import { Board } from '../torture/explore/schedule/board.ts'
import { DID, OP } from '../torture/explore/schedule/ops.ts'
import { Contention } from '../torture/explore/search/contention.ts'
import { Focus } from '../torture/explore/search/focus.ts'
import { focusBytes } from '../torture/explore/sizes.ts'

const CELL = 64
/** Thread, address, bytes, and whether it is a store. */
type Access = readonly [thread: number, address: number, bytes: number, writes: boolean]

/** Addresses of the cells that are contended in an execution. */
function contended(accesses: readonly Access[]): number[] {
  const board = new Board(2)
  board.reset(1, 0, [0, 0], false)
  for (const [thread, address, bytes, writes] of accesses) {
    board.pend(thread, writes ? OP.store : OP.load, address, bytes)
    board.note(thread, writes ? DID.write | DID.change : 0, 3, 0, 1)
  }
  const focus = new Focus(new SharedArrayBuffer(focusBytes(1 << 12)))
  const contention = new Contention(focus, () => true, { cell: String } as unknown as Names)
  const news = contention.learn(board)
  t.equal(news, contention.size > 0)
  for (const { address } of contention.wanted()) t.ok(focus.has(address))
  return contention
    .wanted()
    .map(({ address }) => address)
    .sort((a, b) => a - b)
}

t.test('a byte that one thread stores within a word that another one loads', async t => {
  const byte: Access = [0, CELL + 1, 1, true]
  const word: Access = [1, CELL, 4, false]
  t.same(contended([byte, word]), [CELL, CELL + 1])
  t.same(contended([word, byte]), [CELL, CELL + 1], 'whoever comes first')
})

t.test('a long whose upper half another thread loads, and one of the same address and other size', async t => {
  t.same(
    contended([
      [0, CELL, 8, true],
      [1, CELL + 4, 4, false],
    ]),
    [CELL, CELL + 4],
  )
  t.same(
    contended([
      [0, CELL, 1, false],
      [1, CELL, 4, true],
    ]),
    [CELL, CELL],
  )
})

t.test('bytes of one word that each have a thread of their own, and loads', async t => {
  t.same(
    contended([
      [0, CELL, 1, true],
      [1, CELL + 1, 1, true],
    ]),
    [],
  )
  t.same(
    contended([
      [0, CELL, 8, false],
      [1, CELL + 4, 4, false],
    ]),
    [],
  )
  t.same(
    contended([
      [0, CELL, 8, true],
      [0, CELL + 4, 4, false],
    ]),
    [],
    'one thread by itself',
  )
})
