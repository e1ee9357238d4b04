import fc from 'fast-check'
import t from 'tap'
import { chooseAgain, planAgain, unfinished } from '../torture/plan/again.ts'
import { engines } from '../torture/plan/engines.ts'
import { makePlan, type Request } from '../torture/plan/plan.ts'
import { deriveSeed } from '../torture/plan/seed.ts'
import { bug, request, scenario } from './helpers/plans.ts'

const USAGE = { name: 'Error', exitCode: 2 }

const one = { scenario: scenario('a'), times: 1 }

t.test('an instance carries numbers only', async t => {
  const { instances } = makePlan(request(), [{ scenario: scenario('a'), times: 2 }], [])
  t.same(
    instances.map(({ name }) => name),
    ['a.1', 'a.2'],
  )
  t.same(instances[0].threads, [
    { name: 'adder', count: 2 },
    { name: 'reader', count: 3 },
  ])
  t.match(instances[0], {
    cpus: 5,
    oversubscribed: true,
    params: { adds: 1, kind: 'a', deep: false },
    jitter: 'low',
    bugs: [],
  })
  t.notOk('defaults' in instances[0], 'nothing was changed')
  t.not(instances[0].seed, instances[1].seed)
})

t.test('parameters', async t => {
  const plan = (...wishes: [string, string][]) => makePlan(request({ params: new Map(wishes) }), [one], []).instances[0]
  t.match(plan(['adds', '3'], ['kind', 'b'], ['deep', 'true']), {
    params: { adds: 3, kind: 'b', deep: true },
    defaults: { adds: 1, kind: 'a', deep: false },
  })
  for (const [name, value] of [
    ['adds', '0'],
    ['adds', '11'],
    ['adds', 'x'],
    ['adds', ''],
    ['adds', 'Infinity'],
    ['kind', 'c'],
    ['deep', 'yes'],
    ['nosuch', '1'],
  ]) {
    t.throws(() => plan([name, value]), USAGE, `${name}=${value}`)
  }
})

t.test('a parameter that only one of two scenarios has', async t => {
  const both = [one, { scenario: scenario('b', { params: {} }), times: 1 }]
  const { instances } = makePlan(request({ params: new Map([['adds', '2']]) }), both, [])
  t.same(
    instances.map(({ params }) => params.adds),
    [2, undefined],
  )
})

t.test('thread counts', async t => {
  const plan = (count: string, more: Partial<Request> = {}) =>
    makePlan(request({ threads: new Map([['adder', count]]), ...more }), [one], []).instances[0].threads[0].count
  t.equal(plan('7'), 7)
  t.equal(plan('cpus'), 4)
  t.equal(plan('cpus-1'), 3)
  t.equal(plan('cpus-9'), 1, 'never below one')
  for (const bad of ['0', '-1', '1.5', 'cpus+1', 'many', '513', '']) t.throws(() => plan(bad), USAGE, `'${bad}'`)
  t.throws(() => makePlan(request({ threads: new Map([['nobody', '1']]) }), [one], []), {
    message: /no thread body 'nobody'/,
  })
  t.throws(() => plan('2', { oversubscribe: false }), { message: /do not fit/ })
})

t.test('bugs change the instances they belong to, and win', async t => {
  const both = [one, { scenario: scenario('b'), times: 1 }]
  const bugs = [bug('early', ['a'], { params: { adds: 9 }, jitter: 'high' }), bug('late', ['c'])]
  const { instances } = makePlan(request({ bugs: ['early'], params: new Map([['adds', '2']]) }), both, bugs)
  t.match(instances[0], {
    bugs: ['early'],
    windows: ['site-of-early'],
    jitter: 'high',
    params: { adds: 9 },
    defaults: { adds: 1 },
  })
  t.match(instances[1], { bugs: [], jitter: 'low', params: { adds: 2 } })
  t.notOk('windows' in instances[1])
  t.throws(() => makePlan(request({ bugs: ['late'] }), both, bugs), { message: /fits none.*belongs to c/ })
  t.throws(() => makePlan(request({ bugs: ['erly'] }), both, bugs), { message: /did you mean 'early'/ })
})

t.test('engines multiply instances', async t => {
  const nodes = [
    { path: '/n/20', version: '20.20.0' },
    { path: '/n/22', version: '22.1.0' },
  ]
  const { instances } = makePlan(request({ engines: engines(['default', 'jitless'], nodes) }), [one], [])
  t.same(
    instances.map(({ name }) => name),
    ['a.default.node20.20.0.1', 'a.jitless.node20.20.0.1', 'a.default.node22.1.0.1', 'a.jitless.node22.1.0.1'],
  )
  t.match(instances[3], { node: '/n/22', nodeArgs: ['--jitless'] })
  t.match(makePlan(request({ engines: engines(['jitless'], []) }), [one], []).instances[0], { name: 'a.jitless.1' })
})

t.test('a debugger looks at one instance, which then is not a hang', async t => {
  const { instances } = makePlan(request({ inspect: true }), [one], [])
  t.match(instances[0].nodeArgs, ['--inspect=127.0.0.1:9229'])
  t.ok(instances[0].hangAfterMs > 3_600_000)
  t.throws(() => makePlan(request({ inspect: true }), [{ ...one, times: 2 }], []), USAGE)
})

t.test('too many instances', async t => {
  const many = Array.from({ length: 11 }, (_, n) => ({ scenario: scenario(`s${n}`), times: 1000 }))
  t.throws(() => makePlan(request(), many, []), USAGE)
})

t.test('the same request gives the same plan, and another seed other seeds', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 1, max: 20 }), (seed, times) => {
      const plan = (n: number) => makePlan(request({ seed: n }), [{ scenario: scenario('a'), times }], [])
      const [first, second, other] = [plan(seed), plan(seed), plan((seed ^ 1) >>> 0)]
      const differ = first.instances.every((instance, n) => instance.seed !== other.instances[n].seed)
      return JSON.stringify(first) === JSON.stringify(second) && differ
    }),
  )
})

t.test('derived seeds are 32 bits, and near names have far seeds', async t => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), fc.string(), (seed, text) => {
      const derived = deriveSeed(seed, text)
      return Number.isInteger(derived) && derived >= 0 && derived <= 0xffffffff
    }),
  )
  // 2000 draws from 2^32: two are equal by chance with probability 5e-4; these were looked at, and none are.
  t.equal(new Set(Array.from({ length: 2000 }, (_, n) => deriveSeed(1, `vma-lock.${n}`))).size, 2000)
})

t.test('what a re-run does again', async t => {
  const plan = {
    ...makePlan(
      request(),
      [
        { scenario: scenario('a'), times: 3 },
        { scenario: scenario('b'), times: 1 },
      ],
      [],
    ),
    schema: 1 as const,
    id: '2026.01.01-00.00.00',
    torture: '0.0.0',
    argv: [],
    command: 'run' as const,
    createdAt: '2026-01-01T00:00:00.000Z',
    bundle: 'x',
  }
  const results = new Map([
    ['a.1', { verdict: 'pass' as const }],
    ['a.2', { verdict: 'fail' as const }],
    ['b.1', { verdict: 'skipped' as const }],
  ])
  const counted = new Map([...results].map(([name, { verdict }]) => [name, verdict]))
  const chosen = (failed: boolean, ...only: string[]) =>
    chooseAgain(plan, counted, { failed, only }).map(({ name }) => name)
  t.same(
    unfinished(plan, results).map(({ name }) => name),
    ['a.3', 'b.1'],
  )
  t.same(chosen(true), ['a.2', 'a.3', 'b.1'], 'all that did not pass, never finished included')
  t.same(chosen(false), ['a.1', 'a.2', 'a.3', 'b.1'])
  t.same(chosen(false, 'a.2'), ['a.2'])
  t.same(chosen(true, 'a'), ['a.2', 'a.3'])
  t.same(chosen(false, 'a.?,b'), ['a.1', 'a.2', 'a.3', 'b.1'])
  t.throws(() => chosen(false, 'c'), USAGE)
  t.throws(() => chosen(false, 'tag:mm'), USAGE)

  const twice = planAgain(plan, plan.instances.slice(1, 2), { failed: false, only: [], times: 2 })
  t.same(
    twice.instances.map(({ name }) => name),
    ['a.2.1', 'a.2.2'],
  )
  t.same(
    twice.instances.map(({ seed }) => seed),
    [plan.instances[1].seed, plan.instances[1].seed],
    'the seeds of the plan',
  )
  t.same(twice.instances[0].params, plan.instances[1].params)
  const fresh = planAgain(plan, plan.instances, { failed: false, only: [], times: 1, seed: 99, durationMs: 5 })
  t.equal(fresh.seed, 99)
  t.ok(fresh.instances.every((instance, n) => instance.seed !== plan.instances[n].seed && instance.durationMs === 5))
})
