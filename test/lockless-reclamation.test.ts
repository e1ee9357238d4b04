/** Hazard pointers and epochs: what is held stays, and what nobody holds is freed. */
import t from 'tap'
import { ArenaBuilder } from '../lib/shm/arena.ts'
import { struct } from '../lib/shm/layout.ts'
import { Epochs, epochRegion } from '../lib/sync/epoch.ts'
import { HazardPointers, hazardRegion } from '../lib/sync/hazard-pointers.ts'
import { violationOf } from './helpers/memory.ts'

const CELL = struct('cell', { object: 'what can be reached' })

t.test('an object in a slot is not freed, and one that is in none is', async t => {
  const builder = new ArenaBuilder()
  const image = hazardRegion(builder, 2)
  const cell = builder.region('cell', CELL, 1).base
  const { words: w } = builder.build()
  const freed: number[] = []
  const reader = new HazardPointers(w, image, 0, () => {})
  const writer = new HazardPointers(w, image, 1, object => freed.push(object), 2)
  for (const slot of [0, 1]) {
    freed.length = 0
    Atomics.store(w, cell, 7)
    t.equal(reader.protect(slot, cell), 7)
    Atomics.store(w, cell, 8)
    writer.retire(7)
    t.same(freed, [], 'it waits for company')
    writer.retire(9)
    t.same(freed, [9], `held in slot ${slot}`)
    reader.clear(slot)
    t.equal(writer.leave(), 0)
    t.same(freed, [9, 7])
  }
  t.equal(reader.announce(0, 8, cell, 8), true)
  t.equal(reader.announce(0, 7, cell, 7), false, 'it can no longer be reached')
  Atomics.store(w, cell, 0)
  t.equal(reader.protect(0, cell), 0)
})

t.test('an object is freed two epochs later; whoever was inside lets one begin, and not the next', async t => {
  const builder = new ArenaBuilder()
  const image = epochRegion(builder, 3)
  const { words: w } = builder.build()
  const freed: number[] = []
  const [reader, writer, late] = [0, 1, 2].map(id => new Epochs(w, image, id, object => freed.push(object)))
  reader.enter()
  writer.enter()
  writer.retire(7)
  writer.exit()
  late.enter()
  for (let n = 0; n < 5; n++) writer.reclaim()
  t.same(freed, [], 'the reader may have found it')
  reader.exit()
  writer.reclaim()
  t.same(freed, [7], 'who came in afterwards cannot have')
  late.exit()
})

t.test('an object unlinked by who came in an epoch ago is stamped with the present one', async t => {
  const builder = new ArenaBuilder()
  const image = epochRegion(builder, 3)
  const { words: w } = builder.build()
  const freed: number[] = []
  const [reader, writer, other] = [0, 1, 2].map(id => new Epochs(w, image, id, object => freed.push(object)))
  writer.enter()
  other.reclaim()
  reader.enter()
  writer.retire(7)
  writer.exit()
  for (let n = 0; n < 5; n++) writer.reclaim()
  t.same(freed, [], 'the reader may have found it')
  reader.exit()
  t.equal(writer.leave(), 0)
})

t.test('epochs do not nest', async t => {
  const builder = new ArenaBuilder()
  const image = epochRegion(builder, 1)
  const epochs = new Epochs(builder.build().words, image, 0, () => {})
  t.equal(violationOf(() => epochs.exit())?.oracle, 'CNT')
  epochs.enter()
  t.equal(violationOf(() => epochs.enter())?.oracle, 'CNT')
})
