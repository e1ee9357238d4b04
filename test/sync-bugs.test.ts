import t from 'tap'
import joinPeriod from '../scenarios/bugs/rcu-join-period.ts'
import noGracePeriod from '../scenarios/bugs/rcu-no-grace-period.ts'
import busted from '../scenarios/bugs/rwsem-busted.ts'
import wakeBeforeClear from '../scenarios/bugs/rwsem-wake-before-clear.ts'
import { load } from './helpers/threads.ts'

/** Long enough by a factor of a hundred: where a bug shows at all, it shows in a tenth of a second. */
const LIMIT_MS = 10_000

for (const bug of [busted, wakeBeforeClear, noGracePeriod, joinPeriod]) {
  t.test(`${bug.id} fires, and without it the same load is silent`, async t => {
    const driver = await load(new URL(`../scenarios/${bug.scenarios[0]}.ts`, import.meta.url))
    t.teardown(() => driver.remove())
    const clean = await driver.run({ ms: 400, hangMs: 10_000 })
    t.same(clean.failures, [])
    t.ok(clean.hits[bug.site] > 0, 'the window is entered without the bug, too')
    const rounds = LIMIT_MS / 250
    const { failures } = await driver.run({ ms: 250, rounds, hangMs: 1500, bugs: [bug.id] })
    t.equal(failures[0]?.oracle, bug.oracle)
  })
}
