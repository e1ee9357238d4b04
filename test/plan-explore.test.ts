/** What the deterministic scheduler is asked to do. */
import t from 'tap'
import { chooseAgain, planAgain } from '../torture/plan/again.ts'
import { engines } from '../torture/plan/engines.ts'
import { EXPLORE, type ExploreRequest, PLAIN_SEARCH } from '../torture/plan/explore.ts'
import { makePlan, type Request } from '../torture/plan/plan.ts'
import { fitToCode, planReplay } from '../torture/plan/replay.ts'
import { CpuPool } from '../torture/runner/affinity.ts'
import { isSibling } from '../torture/runner/stopped.ts'
import { bug, request, scenario } from './helpers/plans.ts'

const USAGE = { name: 'Error', exitCode: 2 }

const search = (more: Partial<Request> = {}) => request({ explore: PLAIN_SEARCH, failFast: true, ...more })
const once = { scenario: scenario('a'), times: 1 }

t.test('a guest for each CPU of the budget, or as many as the user says', async t => {
  const names = (more: Partial<Request>, ...selected: Parameters<typeof makePlan>[1]) =>
    makePlan(search(more), selected, []).instances.map(({ name }) => name)
  t.same(names({ cpus: 3 }, once), ['a.1', 'a.2', 'a.3'])
  t.same(names({ cpus: 3 }, { ...once, times: 1, counted: true }), ['a.1'])
  t.same(names({ cpus: 1 }, { ...once, times: 3, counted: true }), ['a.1', 'a.2', 'a.3'])
  t.same(names({ cpus: 2 }, once, { scenario: scenario('b'), times: 1 }), ['a.1', 'a.2', 'b.1', 'b.2'])
  t.same(names({ inspect: true }, once), ['a.1'], 'a debugger looks at one')
  t.throws(() => names({ cpus: 4096 }, { ...once, times: 3 }), USAGE, 'too many instances')
})

t.test('guests take one CPU each, and have seeds of their own', async t => {
  const { instances, batches } = makePlan(search({ cpus: 2 }), [once, { scenario: scenario('b'), times: 1 }], [])
  t.same(batches, [
    ['a.1', 'a.2'],
    ['b.1', 'b.2'],
  ])
  t.equal(new Set(instances.map(({ seed }) => seed)).size, 4)
  t.same(
    instances.map(({ explore }) => explore!.sibling),
    [0, 1, 0, 1],
  )
  for (const instance of instances) {
    t.match(instance, { mode: 'explore', explore: EXPLORE, cpus: 1, oversubscribed: false, jitter: 'off' })
  }
})

t.test('counts of cpus are the same on every machine', async t => {
  const threads = (cpus: number, wish?: string) =>
    makePlan(search({ cpus, threads: new Map(wish === undefined ? [] : [['reader', wish]]) }), [once], []).instances[0]
      .threads[1].count
  t.equal(threads(1), 1, 'cpus-1 of two')
  t.equal(threads(64), 1)
  t.equal(threads(1, 'cpus'), 2)
  t.equal(threads(1, '5'), 5)
})

t.test('a bug that only weaker memory shows is looked for with that', async t => {
  const weak = bug('weak', ['a'], { memoryModel: 'pso', hardness: 'X' })
  const model = (explore: Partial<ExploreRequest>, bugs = [weak]) =>
    makePlan(search({ explore: { ...PLAIN_SEARCH, ...explore }, bugs: ['weak'] }), [once], bugs).instances[0].explore!
      .memoryModel
  t.equal(model({}), 'pso')
  t.equal(model({ memoryModel: 'tso' }), 'tso', 'unless told otherwise')
  t.equal(model({ memoryModel: 'sc' }), 'sc', 'whatever that is')
  t.equal(model({}, [bug('weak', ['a'])]), 'sc')
  t.throws(() => model({ strategy: 'dpor' }), { ...USAGE, message: /--strategy dpor knows no pso/ })
})

t.test('more threads than the scheduler can name', async t => {
  const plan = (adder: string, memoryModel: 'sc' | 'tso') =>
    makePlan(search({ explore: { ...EXPLORE, memoryModel }, threads: new Map([['adder', adder]]) }), [once], [])
  t.equal(plan('29', 'sc').instances.length, 4)
  t.throws(() => plan('30', 'sc'), { ...USAGE, message: /a: 31 threads are more than the 30 .*lower --threads/ })
  t.equal(plan('14', 'tso').instances.length, 4, 'a store buffer is an actor too')
  t.throws(() => plan('15', 'tso'), { ...USAGE, message: /16 threads are more than the 15 .*with --memory-model tso/ })
})

t.test('a bug brings its parameters, and no jitter', async t => {
  const bugs = [bug('early', ['a'], { params: { adds: 9 }, jitter: 'high' })]
  const { instances } = makePlan(search({ bugs: ['early'] }), [once], bugs)
  t.match(instances[0], { bugs: ['early'], windows: ['site-of-early'], params: { adds: 9 }, jitter: 'off' })
})

t.test("the user's file is in the plan, under explore and under stress", async t => {
  const selected = [{ ...once, file: '/home/ann/a.torture.ts' }]
  for (const asked of [search(), request()]) {
    t.equal(makePlan(asked, selected, []).instances[0].file, '/home/ann/a.torture.ts')
    t.notOk('file' in makePlan(asked, [once], []).instances[0])
  }
})

t.test('a search is planned again as it was', async t => {
  const body = makePlan(search({ cpus: 2 }), [once], [])
  const plan = {
    ...body,
    schema: 1 as const,
    id: '2026.01.01-00.00.00',
    torture: '0.0.0',
    argv: [],
    command: 'explore' as const,
    createdAt: '2026-01-01T00:00:00.000Z',
    bundle: 'x',
  }
  const chosen = chooseAgain(plan, new Map([['a.1', 'fail' as const]]), { failed: true, only: [] })
  const again = planAgain(plan, chosen, { failed: true, only: [], times: 1, durationMs: 5 })
  t.same(
    again.instances,
    body.instances.map(instance => ({ ...instance, durationMs: 5 })),
  )
  t.equal(again.failFast, true)
})

t.test('siblings are those that search the same', async t => {
  const plan = (more: Partial<Request> = {}) => makePlan(search({ cpus: 2, ...more }), [once], []).instances
  const [first, second] = plan()
  t.ok(isSibling(first, second))
  t.notOk(isSibling(first, plan({ params: new Map([['adds', '2']]) })[1]))
  t.notOk(isSibling(first, plan({ explore: { ...EXPLORE, ops: 9 } })[1]))
  t.notOk(isSibling(first, plan({ engines: engines(['jitless'], []) })[1]))
  const stressed = makePlan(request(), [{ ...once, times: 2 }], []).instances
  t.notOk(isSibling(stressed[0], stressed[1]), 'stress proves nothing for others')
})

t.test('a replay is the instance with a schedule in the place of a search', async t => {
  const [instance] = makePlan(search({ explore: { ...EXPLORE, ops: 7 }, keepGoing: true }), [once], []).instances
  const replay = planReplay(instance, 'a3b')
  t.match(replay, { mode: 'explore', explore: { ops: 7, schedule: 'a3b' }, keepGoing: false })
  t.same([replay.seed, replay.params, replay.threads], [instance.seed, instance.params, instance.threads])
  const step = { step: 0, thread: 1, op: 'load', cell: 'cells[0]' }
  const before = {
    schema: 1 as const,
    schedule: 'ba',
    threads: ['adder[0]', 'adder[1]'],
    steps: [step, { step: 1, thread: 0, op: 'exit', cell: '' }],
    ending: [],
  }
  t.same(planReplay(instance, 'ba', before).explore!.expected, ['adder[1] load cells[0]', 'adder[0] exit'])
  const late = { ...before, steps: [{ ...step, step: 7 }] }
  t.notOk('expected' in planReplay(instance, 'ba', late).explore!, 'the first steps were not kept')
  const [stressed] = makePlan(request(), [once], []).instances
  t.match(planReplay(stressed, 'a'), { mode: 'explore', jitter: 'off', cpus: 1, explore: { schedule: 'a' } })
})

t.test('what a schedule is tried on when the code has changed', async t => {
  const bugs = [bug('early', ['a'])]
  const [instance] = makePlan(search({ bugs: ['early'], params: new Map([['adds', '3']]) }), [once], bugs).instances
  const manifest = { schema: 1 as const, torture: '', scenarios: [], bugs, inputs: [] }
  const now = scenario('a', {
    module: 'user-a.js',
    params: { adds: { default: 1, describe: '' }, fresh: { default: 8, describe: '' } },
  })
  t.match(fitToCode(instance, now, manifest), { module: 'user-a.js', windows: ['site-of-early'] })
  t.same((fitToCode(instance, now, manifest) as typeof instance).params, { adds: 3, fresh: 8 })
  t.match(fitToCode(instance, now, { ...manifest, bugs: [] }), /no bug early/)
  const renamed = scenario('a', { threads: [{ name: 'writer', count: 1 }] })
  t.match(fitToCode(instance, renamed, manifest), 'its thread bodies are writer, and were adder, reader')
})

t.test('guests are spread over the CPUs', async t => {
  const pool = new CpuPool([0, 2, 5], 1)
  const first = [pool.take(), pool.take(), pool.take()]
  t.same(first, [2, 5, 0])
  t.equal(pool.take(), 2, 'more guests than CPUs')
  pool.giveBack(5)
  t.equal(pool.take(), 5)
  t.equal(new CpuPool([], 3).take(), undefined, 'where nobody says which there are')
})
