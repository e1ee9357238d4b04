import t from 'tap'
import joinPeriod from '../scenarios/bugs/rcu-join-period.ts'
import noGracePeriod from '../scenarios/bugs/rcu-no-grace-period.ts'
import busted from '../scenarios/bugs/rwsem-busted.ts'
import wakeBeforeClear from '../scenarios/bugs/rwsem-wake-before-clear.ts'
import { load, scenarioFile } from './helpers/threads.ts'

/**
 * Each of these bugs was seen in the first round of 250 ms in more than 40 of 40 tries. Did a round catch one only half
 * the time, all of these rounds together would miss it with a probability of 1e-12.
 */
const ROUNDS = 40

for (const bug of [busted, wakeBeforeClear, noGracePeriod, joinPeriod]) {
  t.test(`${bug.id} fires, and without it the same load is silent`, async t => {
    const driver = await load(scenarioFile(bug.scenarios[0]))
    t.teardown(() => driver.remove())
    const clean = await driver.run({ ms: 400, hangMs: 15_000 })
    t.same(clean.failures, [])
    t.ok(clean.hits[bug.site] > 0, 'the window is entered without the bug, too')
    const hangMs = bug.oracle === 'HANG' ? 2000 : 15_000
    const { failures } = await driver.run({ ms: 250, rounds: ROUNDS, hangMs, bugs: [bug.id] })
    t.equal(failures[0]?.oracle, bug.oracle)
  })
}
