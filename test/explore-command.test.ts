/** `torture explore`: the search as a run, with its plan, its store, its reports and its ends. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { LOSES, PASSES, workspace } from './helpers/cli.ts'

const TASKSET = existsSync('/usr/bin/taskset')

/** Nothing to find, and too many schedules to try them all. */
const LONG = `export default {
  name: 'long', summary: 'two threads add without end',
  setup: () => ({ cells: new Int32Array(new SharedArrayBuffer(4)) }),
  threads: { adder: { count: 2, run: ({ shared: { cells } }) => {
    for (let n = 0; n < 100; n++) Atomics.add(cells, 0, 1)
  } } },
  check: ({ shared: { cells } }) => { if (Atomics.load(cells, 0) !== 200) throw new Error('impossible') },
}
`

t.test('a schedule that fails is found, and ends the run', async t => {
  const { dir, write, torture, plan, summary } = workspace(t)
  write({ 'loses.mjs': LOSES })
  const { status, stdout, stderr } = await torture('explore', './loses.mjs', '--cpus', '2', '--seed', '7')
  t.equal(status, 1, stderr)
  t.match(plan(), { command: 'explore', failFast: true, batches: [['loses.1', 'loses.2']] })
  const [failed] = summary().instances.filter(({ verdict }) => verdict === 'fail')
  t.match(failed.failures[0], { oracle: 'check', message: /no update is lost/, schedule: /^[\w.,]+$/ })
  t.equal(failed.failures[0].at, `${join(dir, 'loses.mjs')}:9:45`)
  t.ok(failed.exploration!.executions > 0)
  t.notOk(summary().instances.some(({ verdict }) => verdict === 'inconclusive' || verdict === 'crash'))
  t.match(stdout, `schedule ${failed.failures[0].schedule}`)
  t.match(stdout, 'loses.mjs:9:45')
  t.match(stdout, /^next {7}torture replay loses\.\d\/failures\/1/m)
  const command = JSON.parse(readFileSync(join(dir, 'torture-results', plan().id, 'loses.1/command.json'), 'utf8'))
  if (TASKSET) t.match(command.command, ['/usr/bin/taskset', '-c', /^\d+$/], 'kept on one CPU, and so recorded')
  t.match(command.instance, { mode: 'explore', file: join(dir, 'loses.mjs') })
})

t.test('what is explored completely is proved, and siblings end with it', async t => {
  const { write, torture, summary } = workspace(t)
  write({
    'adds.mjs': LOSES.replaceAll('loses', 'adds').replace(/const value.*\n.*value \+ 1\)/, 'Atomics.add(cells, 0, 1)'),
  })
  const { status, stdout } = await torture('explore', '3*./adds.mjs', '--cpus', '2', '--budget', '60s')
  t.equal(status, 0)
  const { instances, exitCode } = summary()
  t.equal(exitCode, 0)
  t.ok(instances.some(({ exploration }) => exploration?.certificate !== undefined))
  t.ok(instances.every(({ verdict }) => verdict === 'pass' || verdict === 'skipped'))
  t.match(stdout, 'nothing left to explore within the bounds')
})

t.test('nothing that is shared: no answer', async t => {
  const { write, torture } = workspace(t)
  write({ 'passes.mjs': PASSES })
  const { status, stdout } = await torture('explore', '1*./passes.mjs', '--budget', '5s')
  t.equal(status, 4)
  t.match(stdout, /why {6}nothing was contended/)
})

t.test('--keep-going uses its budget up; rerun repeats the search as it was planned', async t => {
  const { write, torture, summary, plan, runs } = workspace(t)
  write({ 'loses.mjs': LOSES })
  const search = [
    'explore',
    '1*./loses.mjs',
    '--keep-going',
    '--executions',
    '300',
    '--strategy',
    'random',
    '--ops',
    '2',
  ]
  t.equal((await torture(...search)).status, 1)
  t.equal(summary().instances[0].rounds, 300)
  const [first] = plan().instances
  t.match(first.explore, { strategy: 'random', executions: 300, ops: 2 })
  const { status } = await torture('rerun', '--failed')
  t.equal(status, 1)
  t.same(plan().instances, [first])
  t.equal(runs().length, 2)
  const failures = (run?: string) => summary(run).instances[0].failures.map(failure => ({ ...failure, atMs: 0 }))
  t.same(failures(), failures(runs()[0]), 'to the last execution')
})

t.test('run --mode explore is the same search, for --duration', async t => {
  const { write, torture, plan } = workspace(t)
  write({ 'loses.mjs': LOSES })
  t.equal((await torture('run', '--mode', 'explore', './loses.mjs', '--duration', '9s')).status, 1)
  t.match(plan(), { command: 'run', failFast: true })
  t.match(plan().instances[0], { mode: 'explore', durationMs: 9000, explore: { strategy: 'portfolio', ops: 4 } })
})

t.test('SIGINT: an orderly end, and rerun completes the search in place', async t => {
  const { write, start, torture, summary, runs } = workspace(t)
  write({ 'long.mjs': LONG })
  const { child, ended, says } = start('explore', './long.mjs', '--cpus', '1', '--budget', '60s')
  await says(/^start long\.1/m)
  child.kill('SIGINT')
  const { status } = await ended
  t.equal(status, 130)
  t.equal(summary().finishedAt, undefined)
  t.same(
    summary().instances.map(({ verdict }) => verdict),
    ['skipped'],
  )
  const { stdout } = await torture('rerun', '--dry-run')
  t.match(stdout, 'long.1')
  t.equal(runs().length, 1)
})

t.test('killed, it leaves what rerun needs', async t => {
  const { write, start, torture, runs } = workspace(t)
  write({ 'long.mjs': LONG })
  const { child, ended, says } = start('explore', './long.mjs', '--cpus', '1', '--budget', '60s')
  await says(/^start long\.1/m)
  child.kill('SIGKILL')
  await ended
  t.match((await torture('list', 'runs')).stdout, 'cut off')
  t.match((await torture('rerun', '--dry-run')).stdout, 'long.1')
  t.equal(runs().length, 1)
})

const WRONG: readonly [string, RegExp][] = [
  ['', /no scenario is selected/],
  ['./absent.mjs', /there is no scenario file/],
  ['./loses.mjs --strategy luck', /--strategy luck: one of portfolio, random, pct, pos, urw, bounded, dpor/],
  ['./loses.mjs --strategy pcf', /did you mean 'pct'/],
  ['./loses.mjs --budget 5', /a duration is a number and a unit/],
  ['./loses.mjs --executions 0', /--executions 0: a whole number/],
  ['./loses.mjs --ops 0', /--ops 0: a whole number/],
  ['./loses.mjs --memory-model arm', /--memory-model arm: one of sc, tso, pso/],
  ['./loses.mjs --threads adder=31', /31 threads are more than the 30/],
  ['./loses.mjs --threads adder=16 --memory-model pso', /16 threads are more than the 15/],
  ['./loses.mjs --jitter high', /there is no flag --jitter/],
  ['./loses.mjs --bug nosuch', /there is no bug 'nosuch'/],
  ['./loses.mjs --seed -1', /seed/],
]

t.test('bad usage', async t => {
  const { write, torture, runs } = workspace(t)
  write({ 'loses.mjs': LOSES })
  const left = [...WRONG]
  const check = async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const [line, expected] = next
      const { status, stderr } = await torture('explore', ...line.split(' ').filter(word => word !== ''))
      t.equal(status, 2, line)
      t.match(stderr, expected, line)
      t.equal(stderr.trimEnd().split('\n').length, 1, line)
    }
  }
  await Promise.all([check(), check()])
  t.match((await torture('run', '--mode', 'luck', './loses.mjs')).stderr, /--mode luck: one of stress, explore/)
  t.same(runs(), [])
})
