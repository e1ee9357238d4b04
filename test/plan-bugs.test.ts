import t from 'tap'
import { type BugsRequest, chooseBugs, makeBugsPlan } from '../torture/plan/bugs.ts'
import { bug, scenario } from './helpers/plans.ts'

const request = (more: Partial<BugsRequest> = {}): BugsRequest => ({
  seed: 7,
  hangAfterMs: 5000,
  maxMemory: 0,
  cpus: 4,
  hostCpus: 4,
  times: 2,
  durationMs: 20_000,
  budgetMs: 60_000,
  controls: 2,
  ...more,
})

const scenarios = [scenario('a'), scenario('b')]
const easy = bug('easy', ['a', 'b'], { oracle: ['CNT', 'DATA'], params: { adds: 5 } })
const delayed = bug('delayed', ['b'], { hardness: 'D', jitter: 'high' })
const explored = bug('explored', ['b'], { hardness: 'X' })
const ALL = [easy, delayed, explored]
const USAGE = { name: 'Error', exitCode: 2 }

t.test('each bug is tried in the scenario that it is shown with, and beside each try runs the code without it', t => {
  const { instances, batches, failFast } = makeBugsPlan(request(), [easy], scenarios)
  t.match(instances, [
    { name: 'easy.1', scenario: 'a', mode: 'stress', bugs: ['easy'], windows: ['site-of-easy'], durationMs: 20_000 },
    { name: 'easy.2' },
    { name: 'easy.clean.1', scenario: 'a', mode: 'stress', bugs: [], windows: undefined, durationMs: 1000 },
    { name: 'easy.clean.2' },
  ])
  const [first, second, control] = instances
  t.not(first.seed, second.seed, 'each try has a seed of its own')
  t.equal(control.seed, first.seed, 'a control that of its try')
  for (const key of ['params', 'threads', 'jitter', 'cpus'] as const) t.same(control[key], first[key], key)
  t.equal(first.params.adds, 5, 'what the bug fixes')
  t.same(first.trial, { bug: 'easy', hardness: 'E', oracles: ['CNT', 'DATA'] })
  t.same(control.trial, { ...first.trial, control: 'easy.1' })
  t.notOk(failFast, 'to fail is what is wanted')
  t.ok(
    instances.every(({ keepGoing, bridgeMs }) => !keepGoing && bridgeMs === undefined),
    'a try ends with its first failure',
  )
  t.same(batches, [['easy.1'], ['easy.2'], ['easy.clean.1'], ['easy.clean.2']], 'five threads on four CPUs')
  const fewer = makeBugsPlan(request({ controls: 1 }), [easy], scenarios).instances
  t.same(
    fewer.map(({ name }) => name),
    ['easy.1', 'easy.2', 'easy.clean.1'],
    'as many as are asked for',
  )
  t.end()
})

t.test('what needs delays gets them, and what needs explored schedules is searched for', t => {
  const { instances } = makeBugsPlan(request({ times: 1, controls: 0 }), ALL, scenarios)
  t.match(instances, [
    { name: 'easy.1', mode: 'stress', jitter: 'low' },
    { name: 'delayed.1', mode: 'stress', jitter: 'high' },
    { name: 'explored.1', mode: 'explore', durationMs: 60_000, cpus: 1, explore: { strategy: 'portfolio' } },
  ])
  const names = (mode: 'stress' | 'explore') =>
    makeBugsPlan(request({ times: 1, controls: 0, mode }), ALL, scenarios).instances.map(
      ({ name, mode: way }) => `${name} ${way}`,
    )
  t.same(names('stress'), ['easy.1 stress', 'delayed.1 stress'], 'stress is not asked for what it cannot find')
  t.same(names('explore'), ['easy.1 explore', 'delayed.1 explore', 'explored.1 explore'])
  t.end()
})

t.test('a control starts when its try has ended', t => {
  const narrow = [scenario('a', { threads: [{ name: 'adder', count: 1 }] })]
  const { batches } = makeBugsPlan(request({ times: 3, controls: 3 }), [easy], narrow)
  t.same(batches, [
    ['easy.1', 'easy.2', 'easy.3'],
    ['easy.clean.1', 'easy.clean.2', 'easy.clean.3'],
  ])
  t.end()
})

t.test('which bugs are meant', t => {
  const chosen = (ids: string[], hardness = 'EDX') =>
    chooseBugs(ALL, ids, [...hardness] as ('E' | 'D' | 'X')[]).map(({ id }) => id)
  t.same(chosen([]), ['easy', 'delayed', 'explored'])
  t.same(chosen(['explored', 'easy']), ['easy', 'explored'], 'in the order of the catalogue')
  t.same(chosen([], 'DX'), ['delayed', 'explored'])
  t.throws(() => chosen(['esay']), { ...USAGE, message: "there is no bug 'esay': did you mean 'easy'?" })
  t.throws(() => chosen(['zzzzzz']), { ...USAGE, message: /see torture list bugs/ })
  t.throws(() => chosen(['easy'], 'D'), { ...USAGE, message: /easy: none is of hardness D/ })
  t.end()
})

t.test('there must be something to try', t => {
  const stressed = () => makeBugsPlan(request({ mode: 'stress' }), [explored], scenarios)
  t.throws(stressed, { ...USAGE, message: 'explored: found by exploring only: leave out --mode stress' })
  t.throws(() => makeBugsPlan(request(), [easy], []), { ...USAGE, message: /no such scenario/ })
  t.end()
})
