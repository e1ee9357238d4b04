import { mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { listRuns, openRun } from '../results/reader.ts'
import type { RunSummary } from '../results/schema.ts'
import { createRun, writeSummary } from '../results/store.ts'
import { planOf, resultOf, storeRun } from './helpers/results.ts'

const AT = (second: number) => ({ createdAt: `2026-11-20T23:49:0${second}.000Z` })

t.test('a finished run comes back as it was written', async t => {
  const root = t.testdir()
  const { run, summary } = storeRun(root, planOf(['a.1', 'b.1']), [resultOf('a.1'), resultOf('b.1')])
  const read = openRun(root, run.id)
  t.same(read.plan, run.plan)
  t.same(read.summary, summary)
  t.same([...read.results.values()], [resultOf('a.1'), resultOf('b.1')])
  t.match(read, { id: run.id, dir: run.dir, root, state: 'final', unfinished: [], problems: [] })
  t.same(openRun(root, 'last').id, run.id)
  t.same(openRun('nowhere', run.dir).id, run.id, 'by its path')
})

t.test('an instance without a verdict was never finished', async t => {
  const root = t.testdir()
  storeRun(root, planOf(['a.1', 'a.2', 'a.3']), [resultOf('a.2')])
  t.same(openRun(root, 'last').unfinished, ['a.1', 'a.3'])
})

t.test('a runner that is gone, and one of another machine', async t => {
  const root = t.testdir()
  const { run, summary } = storeRun(root, planOf(['a.1']), [])
  const says = (runner: RunSummary['runner']) => {
    writeSummary(run.dir, { ...summary, runner })
    return openRun(root, 'last').state
  }
  t.equal(says(summary.runner), 'alive', 'this process')
  t.equal(says({ ...summary.runner, startTicks: 1 }), 'dead')
  t.equal(says({ pid: 1, host: `not-${hostname()}` }), 'elsewhere')
})

t.test('damaged files are named and skipped', async t => {
  const root = t.testdir()
  const plan = planOf(['a.1', 'a.2', 'a.3', 'a.4', 'a.5'])
  const { run } = storeRun(
    root,
    plan,
    ['a.1', 'a.2', 'a.3', 'a.4', 'a.5'].map(name => resultOf(name)),
  )
  const file = (name: string) => join(run.dir, name, 'verdict.json')
  writeFileSync(file('a.1'), '{"schema": 1, "verdict"')
  writeFileSync(file('a.2'), JSON.stringify({ ...resultOf('a.2'), schema: 2 }))
  writeFileSync(file('a.3'), JSON.stringify({ ...resultOf('a.3'), cpuMs: 'much' }))
  writeFileSync(file('a.4'), JSON.stringify({ ...resultOf('a.4'), seed: 8 }))
  const read = openRun(root, 'last')
  t.same([...read.results.keys()], ['a.5'])
  t.same(read.unfinished, ['a.1', 'a.2', 'a.3', 'a.4'])
  t.match(read.problems, [
    /a\.1\/verdict\.json is damaged: not JSON/,
    /a\.2\/verdict\.json has schema 2, and this version of torture reads 1 only/,
    /a\.3\/verdict\.json is damaged: cpuMs: .*number/,
    /a\.4\/verdict\.json belongs to another instance/,
  ])
})

t.test('a file that is too large, or none, is not read', async t => {
  const root = t.testdir()
  const { run } = storeRun(root, planOf(['a.1', 'a.2']), [resultOf('a.1'), resultOf('a.2')])
  truncateSync(join(run.dir, 'a.1', 'verdict.json'), 17 << 20)
  rmSync(join(run.dir, 'a.2', 'verdict.json'))
  mkdirSync(join(run.dir, 'a.2', 'verdict.json'))
  t.match(openRun(root, 'last').problems, [/17825792 bytes, more than the 16777216 allowed/, /is not a file/])
})

t.test('without its summary a run is read from its plan and verdicts', async t => {
  const root = t.testdir()
  const { run } = storeRun(root, planOf(['a.1']), [resultOf('a.1')])
  for (const damage of [() => writeFileSync(join(run.dir, 'run.json'), '{'), () => rmSync(join(run.dir, 'run.json'))]) {
    damage()
    const read = openRun(root, 'last')
    t.equal(read.results.size, 1)
    t.equal(read.state, 'dead')
    t.equal(read.problems.length, 1)
  }
})

t.test('without its plan it is no run', async t => {
  const root = t.testdir()
  const good = createRun(root, planOf(['a.1'], AT(1)))
  const bad = createRun(root, planOf(['a.1'], AT(2)))
  writeFileSync(join(bad.dir, 'plan.json'), '{')
  t.throws(() => openRun(root, bad.id), { kind: 'damaged', exitCode: 2, message: /plan\.json is damaged: not JSON/ })
  const last = openRun(root, 'last')
  t.equal(last.id, good.id, 'the newest that can be read')
  t.match(last.problems, [/^skipped: .*plan\.json is damaged/])
  t.match(listRuns(root), { runs: [{ id: good.id }], problems: [/plan\.json is damaged/] })
  rmSync(join(bad.dir, 'plan.json'))
  t.throws(() => openRun(root, bad.id), { kind: 'damaged', message: /has no plan\.json/ })
})

t.test('a plan whose names lead elsewhere is refused', async t => {
  const root = t.testdir()
  const { run } = storeRun(root, planOf(['a.1']), [])
  const path = join(run.dir, 'plan.json')
  const text = readFileSync(path, 'utf8')
  for (const name of ['../../outside.1', '/etc/a.1', '..', 'a/../b.1']) {
    writeFileSync(path, text.replace('"name": "a.1"', `"name": ${JSON.stringify(name)}`))
    t.throws(() => openRun(root, run.id), {
      kind: 'damaged',
      message: /instances\.0\.name: expected a name without slashes/,
    })
  }
})

t.test('what is no run is said in one line, with the nearest ids', async t => {
  const root = t.testdir()
  t.throws(() => openRun(root, 'last'), { kind: 'missing', message: /there is no run in .*torture run/ })
  t.throws(() => openRun(join(root, 'absent'), 'last'), { name: 'StoreError', kind: 'missing' })
  for (const second of [1, 2, 3, 4]) createRun(root, planOf(['a.1'], AT(second)))
  t.throws(() => openRun(root, 'nosuch'), {
    kind: 'missing',
    exitCode: 2,
    message: /no run "nosuch" in .*: the nearest are 2026\.11\.20-23\.49\.04, 2026\.11\.20-23\.49\.03/,
  })
  t.throws(() => openRun(root, '2026.11.20-23.49.02-7'), { message: /the nearest are 2026\.11\.20-23\.49\.02, / })
  for (const path of ['../..', './nowhere', '/etc', '../../../etc/passwd', '..', '', '\0']) {
    t.throws(() => openRun(root, path), { name: 'StoreError', exitCode: 2 }, JSON.stringify(path))
  }
})

t.test('links and strangers in the results folder are not runs', async t => {
  const root = t.testdir({ bundles: {}, notes: {}, '2026.11.20-23.49.00x': {}, '.draft-1': {} })
  symlinkSync('/etc', join(root, '2026.11.20-23.49.09'))
  t.same(listRuns(root), { runs: [], problems: [] })
})
