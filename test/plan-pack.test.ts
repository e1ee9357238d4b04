import fc from 'fast-check'
import t from 'tap'
import { pack } from '../torture/plan/pack.ts'

const instances = fc
  .array(fc.integer({ min: 1, max: 40 }), { maxLength: 60 })
  .map(widths => widths.map((cpus, n) => ({ name: `i.${n}`, cpus })))
const budgets = fc.integer({ min: 1, max: 32 })

t.test('an example', async t => {
  const wide = [
    { name: 'a', cpus: 1 },
    { name: 'b', cpus: 3 },
    { name: 'c', cpus: 9 },
    { name: 'd', cpus: 1 },
    { name: 'e', cpus: 2 },
  ]
  t.same(pack(wide, 4), [['c'], ['b', 'a'], ['e', 'd']])
  t.same(pack([], 4), [])
})

t.test('every instance is in one batch', async () => {
  fc.assert(
    fc.property(instances, budgets, (all, budget) => {
      const packed = pack(all, budget).flat()
      return packed.length === all.length && new Set(packed).size === all.length
    }),
  )
})

t.test('no batch exceeds the budget, but one instance that does so alone', async () => {
  fc.assert(
    fc.property(instances, budgets, (all, budget) => {
      const cpus = new Map(all.map(({ name, cpus }) => [name, cpus]))
      const width = (batch: readonly string[]) => batch.reduce((sum, name) => sum + cpus.get(name)!, 0)
      return pack(all, budget).every(batch => batch.length === 1 || width(batch) <= budget)
    }),
  )
})

t.test('first fit: at most one batch that is not oversized is less than half full', async () => {
  fc.assert(
    fc.property(instances, budgets, (all, budget) => {
      const cpus = new Map(all.map(({ name, cpus }) => [name, cpus]))
      const widths = pack(all, budget).map(batch => batch.reduce((sum, name) => sum + cpus.get(name)!, 0))
      return widths.filter(width => 2 * width < budget).length <= 1
    }),
  )
})

t.test('the same instances give the same batches', async () => {
  fc.assert(
    fc.property(
      instances,
      budgets,
      (all, budget) => JSON.stringify(pack(all, budget)) === JSON.stringify(pack([...all], budget)),
    ),
  )
})
