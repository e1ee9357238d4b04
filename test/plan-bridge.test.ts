/** From a failure under stress to a search, and what the search says of it. */
import t from 'tap'
import type { Trace } from '../results/schema.ts'
import { bridgeOf, hintOf, planBridge } from '../torture/plan/bridge.ts'
import { makePlan } from '../torture/plan/plan.ts'
import { bug, request, scenario } from './helpers/plans.ts'
import { failureOf, resultOf } from './helpers/results.ts'

const HINT = { round: 3, sites: ['put'] }

t.test('the same instance, under the deterministic scheduler', async t => {
  const bugs = [bug('early', ['a'])]
  const asked = request({ bridgeMs: 700, bugs: ['early'], keepGoing: true })
  const [instance] = makePlan(asked, [{ scenario: scenario('a'), times: 1 }], bugs).instances
  t.equal(instance.mode, 'stress', 'in the plan it is what it is')
  const search = planBridge(instance, HINT)!
  t.match(search, { name: 'bridge', mode: 'explore', durationMs: 700, keepGoing: false, cpus: 1, jitter: 'off' })
  t.match(search.explore, { strategy: 'portfolio', hint: HINT })
  for (const key of ['seed', 'params', 'threads', 'bugs', 'module'] as const) t.same(search[key], instance[key], key)
})

t.test('none is planned where none is wanted, or none can be', async t => {
  const plan = (more: Parameters<typeof request>[0]) =>
    makePlan(request(more), [{ scenario: scenario('a'), times: 1 }], []).instances[0]
  t.equal(planBridge(plan({}), HINT), undefined)
  t.equal(planBridge(plan({ bridgeMs: 0 }), HINT), undefined)
  t.equal(planBridge(plan({ bridgeMs: 9, inspect: true }), HINT), undefined, 'a debugger is at work')
  t.equal(planBridge(plan({ bridgeMs: 9, threads: new Map([['adder', '40']]) }), HINT), undefined)
  t.ok(planBridge(plan({ bridgeMs: 9 }), HINT))
})

t.test('the hint: sites that the threads passed last', async t => {
  const entry = (site: string, seq: number) => ({ thread: 'a[0]', seq, site, a: 0, b: 0 })
  const trace = (...sites: string[]): Trace => ({ schema: 1, threads: ['a[0]'], entries: sites.map(entry), cells: [] })
  t.same(hintOf(3, trace('x', 'y', 'x', 'z')), { round: 3, sites: ['z', 'x', 'y'] })
  t.same(hintOf(0, undefined), { round: 0, sites: [] })
  const many = Array.from({ length: 99 }, (_, n) => `s${n}`)
  t.same(hintOf(0, trace(...many)).sites, many.reverse().slice(0, 32))
})

t.test('what the search says', async t => {
  const under = resultOf('a.1', failureOf('a.1', 'page 3 is stale'))
  const search = (more: Parameters<typeof resultOf>[1]) => bridgeOf(under, resultOf('bridge', { rounds: 12, ...more }))
  const found = failureOf('bridge', 'page 1 is stale')
  const scheduled = (oracle: string) => ({
    ...found,
    failures: [{ ...found.failures![0], oracle, schedule: 'a3b' }],
  })
  t.same(search(scheduled('DATA')), {
    executions: 12,
    found: true,
    schedule: 'a3b',
    replay: 'a.1/bridge/failures/1',
    sentence: 'found again by explore after 12 executions: a3b',
  })
  t.match(search(scheduled('REF')), { found: false, sentence: /^another failure \(REF: page 1 is stale\) found by/ })
  t.match(search({}), { found: false, sentence: 'not found under sequential consistency in 12 executions' })
  const exploration = { certificate: 'all 3 classes' } as never
  t.match(search({ exploration }).sentence, /in 12 executions, which are all there are: all 3 classes$/)
  t.match(search({ verdict: 'inconclusive', reason: 'nothing was contended' }).sentence, /; nothing was contended$/)
  t.match(search({ verdict: 'crash', reason: 'killed' }).sentence, /ended early: killed/)
  t.match(search(found), { found: false, sentence: /^explore fails as well, and not by a schedule: DATA/ })
})
