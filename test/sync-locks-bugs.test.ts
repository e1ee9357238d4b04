import t from 'tap'
import type { Bug } from '../torture/scenario.ts'
import { load, scenarioFile } from './helpers/threads.ts'

/** One for each lock; `torture bugs` tries all of them. */
const BUGS = [
  'barrier-no-sense',
  'completion-done-unserialised',
  'condvar-no-sequence',
  'condvar-relocks-plain',
  'mcs-unlock-no-wait',
  'mutex-sets-held',
  'qspinlock-pending-no-wait',
  'rwlock-reader-count-lost',
  'semaphore-check-then-act',
  'spinlock-test-then-set',
  'ticket-load-store',
] as const

/**
 * On a loaded machine each of them was caught in 40% of such rounds or more. Were it 30%, all of these rounds together
 * would miss one with a probability of 5e-10.
 */
const ROUNDS = 60

for (const id of BUGS) {
  t.test(`${id} fires, and without it the same load is silent`, async t => {
    const { default: bug } = (await import(`../scenarios/bugs/${id}.ts`)) as { default: Bug }
    const driver = await load(scenarioFile(bug.scenarios[0]))
    t.teardown(() => driver.remove())
    const clean = await driver.run({ ms: 60, hangMs: 15_000, delayEvery: 200 })
    t.same(clean.failures, [])
    const oracles = [bug.oracle].flat()
    // Where nothing else would be told, a round that hangs is not waited for long.
    const hangMs = oracles.includes('HANG') ? 400 : 15_000
    const { failures } = await driver.run({ ms: 80, rounds: ROUNDS, hangMs, delayEvery: 200, bugs: [id] })
    t.ok(oracles.includes(failures[0]?.oracle), `${failures[0]?.oracle} is one of ${oracles}`)
  })
}
