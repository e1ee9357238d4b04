/** The memory model on real threads: every oracle is on, delays hit the sites, and nobody has anything to say. */
import t from 'tap'
import { load, scenarioFile } from './helpers/threads.ts'

const CASES: readonly [name: string, params?: Readonly<Record<string, string>>][] = [
  ['vma-lock'],
  ['vma-lock', { generation: '6.4' }],
  ['vma-lock', { generation: 'rfc2022' }],
  ['mmap-lock'],
  ['spf'],
  ['range-lock'],
]

for (const [name, fixed = {}] of CASES) {
  t.test(
    `${[name, ...Object.values(fixed)].join(' ')}: faults beside mapping threads, for every depth of table`,
    async t => {
      const driver = await load(scenarioFile(name))
      t.teardown(() => driver.remove())
      for (const levels of [2, 5]) {
        const { failures, counters } = await driver.run({
          ms: 300,
          seen: ['faults', 'mappings', ...(name === 'mmap-lock' ? [] : ['faults.fast'])],
          hangMs: 30_000,
          seed: levels,
          threads: { faulter: 2, mapper: 1 },
          // Tables of 8 entries come and go; ones of 512 under five levels have more bits than a page number.
          params: { ...fixed, levels, 'table-bits': levels === 2 ? 3 : 9, vmas: 16 },
          delayEvery: 100,
        })
        t.same(failures, [])
        t.ok(counters.faults > 0)
        t.ok(counters.mappings > 0)
        t.equal(counters['faults.fast'] > 0, name !== 'mmap-lock')
      }
    },
  )
}
