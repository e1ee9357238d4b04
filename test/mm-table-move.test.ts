/** A page table that is moved as a whole while a shrinker works in it: the mover waits for it, and must. */
import t from 'tap'
import { load } from './helpers/threads.ts'

t.test('who came by a page keeps the table in its place until it is done', async t => {
  const driver = await load(new URL('./fixtures/table-moved.ts', import.meta.url))
  t.teardown(() => driver.remove())
  const { failures, counters } = await driver.run()
  t.same(failures, [])
  t.same(counters, { waited: 1, freed: 1 })
  const mutant = await driver.run({ bugs: ['mremap-no-rmap-lock'] })
  t.same(mutant.counters, { read: 1, freed: 1 }, 'the page is read at its new address, and freed at its old one')
  t.match(mutant.failures, [{ oracle: 'FREE', message: /was freed while page 12 was accessed/ }])
})
