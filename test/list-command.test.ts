import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { torture } from './helpers/command.ts'
import { failureOf, planOf, resultOf, storeRun } from './helpers/results.ts'

t.test('bugs as JSON have exactly the promised fields', async t => {
  const { code, stdout, stderr } = await torture(t.testdir(), 'list', 'bugs', '--json')
  t.equal(code, 0, stderr)
  const bugs: Record<string, unknown>[] = JSON.parse(stdout)
  t.ok(bugs.length > 0)
  for (const bug of bugs) {
    t.same(Object.keys(bug), ['id', 'title', 'scenarios', 'oracle', 'hardness', 'source'])
    t.match(bug, { id: /^[a-z0-9-]+$/, title: String, scenarios: [String], oracle: String, source: String })
    t.match(bug.hardness, /^[EDX]$/)
  }
})

t.test('scenarios and bugs as text', async t => {
  const dir = t.testdir()
  const [scenarios, bugs] = await Promise.all([torture(dir, 'list', 'scenarios'), torture(dir, 'list', 'bugs')])
  t.equal(scenarios.code, 0, scenarios.stderr)
  t.match(scenarios.stdout, /^vma-lock {2}\S/m)
  t.match(scenarios.stdout, /^ {2}--threads faulter=/m)
  t.match(scenarios.stdout, /^ {2}--param \S+=\S+ +\S/m)
  const [head, ...rows] = bugs.stdout.split('\n')
  const column = head.indexOf('oracle')
  t.ok(column > 0)
  for (const row of rows.slice(0, rows.indexOf('')))
    t.match(row.slice(column - 2), /^ {2}[A-Z]/, 'the columns are aligned')
})

t.test('runs, the oldest first, with what became of them', async t => {
  const dir = t.testdir()
  const root = join(dir, 'torture-results')
  storeRun(root, planOf(['a.1'], { createdAt: '2026-11-20T10:00:00.000Z' }), [resultOf('a.1')])
  storeRun(root, planOf(['a.1', 'b.1']), [resultOf('a.1'), resultOf('b.1', failureOf('b.1', 'lost'))])
  const third = storeRun(root, planOf(['a.1'], { createdAt: '2026-11-21T10:00:00.000Z' }), [])
  const fourth = storeRun(root, planOf(['a.1'], { createdAt: '2026-11-22T10:00:00.000Z' }), [])
  writeFileSync(join(fourth.run.dir, 'plan.json'), '{')

  const [text, json] = await Promise.all([torture(dir, 'list', 'runs'), torture(dir, 'list', 'runs', '--json')])
  t.equal(text.code, 0)
  t.match(text.stdout.split('\n'), [
    /^2026\.11\.20-10\.00\.00 {2}✔ pass +1\/1 passed {2}12\.0 s {2}torture run -s a$/,
    /^2026\.11\.20-23\.49\.00 {2}✖ fail +1\/2 passed {2}12\.0 s/,
    /^2026\.11\.21-10\.00\.00 {2}… running +0\/1 passed/,
  ])
  t.match(text.stderr, /^torture: .*2026\.11\.22-10\.00\.00\/plan\.json is damaged: not JSON\n$/)
  t.match(JSON.parse(json.stdout), [
    { id: '2026.11.20-10.00.00', state: 'final', verdict: 'pass', exitCode: 0, instances: 1, passed: 1 },
    { state: 'final', verdict: 'fail', exitCode: 1, instances: 2, passed: 1 },
    { id: third.run.id, state: 'alive', instances: 1, passed: 0 },
  ])
})

t.test('an empty folder is no error, a wrong word is', async t => {
  const dir = t.testdir()
  const [none, json, missing, wrong] = await Promise.all([
    torture(dir, 'list', 'runs'),
    torture(dir, 'list', 'runs', '--json', '--results', 'elsewhere'),
    torture(dir, 'list'),
    torture(dir, 'list', 'bgus'),
  ])
  t.match(none, { code: 0, stdout: /^there are no runs in torture-results: start one with torture run/ })
  t.match(json, { code: 0, stdout: '[]\n' })
  t.match(missing, { code: 2, stdout: '', stderr: /^torture: .*scenarios, bugs, runs\n$/ })
  t.match(wrong, { code: 2, stdout: '', stderr: /^torture: .*did you mean 'bugs'\?\n$/ })
})
