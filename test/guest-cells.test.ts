import t from 'tap'
import { ArenaBuilder } from '../lib/shm/arena.ts'
import { struct } from '../lib/shm/layout.ts'
import { CellNames } from '../torture/guest/report/cells.ts'

const sab = (bytes: number) => new SharedArrayBuffer(bytes)

t.test('cells are named by their path in what setup returned', async t => {
  const slots = new Int32Array(sab(64))
  const big = new BigInt64Array(sab(64))
  const shared = { ring: { slots, tail: slots.subarray(8, 10) }, list: [{ big }], plain: new Int32Array(4) }
  const names = new CellNames(shared)
  t.equal(names.name(slots.buffer, 28), 'ring.slots[7]')
  t.equal(names.name(slots.buffer, 36), 'ring.tail[1]', 'the narrowest view says most')
  t.equal(names.name(big.buffer, 16), 'list[0].big[2]')
  t.equal(names.name(sab(8), 0), undefined, 'memory that is not part of it')
  t.equal(new CellNames(slots).name(slots.buffer, 4), 'shared[1]')
})

t.test('a buffer by itself and a data view are named with the byte', async t => {
  const [lock, record] = [sab(8), sab(64)]
  const names = new CellNames({ lock, record: new DataView(record, 16, 8) })
  t.equal(names.name(lock, 4), 'lock+4')
  t.equal(names.name(record, 20), 'record+4')
  t.equal(names.name(record, 0), 'record.buffer+0', 'outside of the view')
})

t.test('a layout gives better names, with their meaning', async t => {
  const builder = new ArenaBuilder()
  const mm = builder.region(
    'mm',
    struct('Mm', { users: 'address spaces', stamps: { words: 2, describe: 'stamps' } }),
    1,
  )
  const vma = builder.region('vma', struct('Vma', { start: 'page', vm_lock_seq: 'sequence' }), 4, { extraWords: 1 })
  const arena = builder.build()
  const names = new CellNames({ kernel: { arena } })
  const at = (word: number) => names.name(arena.words.buffer, 4 * word)
  t.equal(at(mm.base), 'mm.users')
  t.equal(at(mm.base + 2), 'mm.stamps[1]')
  t.equal(at(vma.base + 3 * vma.stride + 1), 'vma[3].vm_lock_seq')
  t.equal(at(vma.base + vma.stride + 2), 'vma[1]+2', 'a word beyond the fields')
  t.equal(at(0), 'kernel.arena.words[0]', 'a word outside of all regions')
  t.equal(names.describe(arena.words.buffer, 4 * (vma.base + 1)), 'sequence')
})

t.test('a dump lists what is not zero, few objects first, and is bounded', async t => {
  const builder = new ArenaBuilder()
  const page = builder.region('page', struct('Page', { word: 'content' }), 100)
  const lock = builder.region('lock', struct('Lock', { owner: 'thread + 1' }), 1)
  const arena = builder.build()
  arena.words[lock.base] = 3
  arena.words.fill(9, page.base, page.base + 100)
  const cells = new Int32Array(sab(8))
  cells[1] = -1
  const names = new CellNames({ arena, cells })
  t.same(names.dump(2), [
    { name: 'lock.owner', value: 3 },
    { name: 'page[0].word', value: 9 },
  ])
  t.same(names.dump(1000).at(-1), { name: 'cells[1]', value: -1 })
})
