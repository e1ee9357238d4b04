import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { torture } from './helpers/command.ts'
import { failureOf, planOf, resultOf, storeRun } from './helpers/results.ts'

function twoRuns(dir: string) {
  const root = join(dir, 'torture-results')
  const failed = [resultOf('a.1'), resultOf('b.1', failureOf('b.1', 'page 3 is stale'))]
  const old = storeRun(root, planOf(['a.1', 'b.1'], { createdAt: '2026-11-19T10:00:00.000Z' }), failed)
  const last = storeRun(root, planOf(['a.1']), [resultOf('a.1')])
  return { old: old.run, last: last.run }
}

t.test('the last run, as the closing summary', async t => {
  const dir = t.testdir()
  twoRuns(dir)
  const { code, stdout, stderr } = await torture(dir, 'report')
  t.match({ code, stderr }, { code: 0, stderr: '' })
  t.match(stdout, /^✔ a\.1 {2}pass$/m)
  t.match(stdout, /^PASS {7}1 instance in 12\.0 s/m)
  t.match(stdout, /^next {7}torture rerun --duration 1m$/m)
})

t.test('an older run, by its id: the next command names it', async t => {
  const dir = t.testdir()
  const { old } = twoRuns(dir)
  const { code, stdout } = await torture(dir, 'report', old.id)
  t.equal(code, 0)
  t.match(stdout, `next       torture rerun ${old.id} --failed`)
  t.match(stdout, `the evidence is in torture-results/${old.id}/b.1/failures/1`)
})

t.test('another folder: the next command names it', async t => {
  const dir = t.testdir()
  storeRun(join(dir, 'my results'), planOf(['a.1']), [resultOf('a.1')])
  const { stdout } = await torture(dir, 'report', '--results', 'my results')
  t.match(stdout, "next       torture rerun --duration 1m --results 'my results'")
})

t.test('json, tap and junit', async t => {
  const dir = t.testdir()
  const { old } = twoRuns(dir)
  const [json, tap, junit] = await Promise.all(
    ['json', 'tap', 'junit'].map(format => torture(dir, 'report', old.dir, '--format', format)),
  )
  t.match(JSON.parse(json.stdout), {
    schema: 1,
    id: old.id,
    state: 'final',
    verdict: 'fail',
    exitCode: 1,
    instances: [
      { name: 'a.1', cpuMs: 18_000 },
      { name: 'b.1', verdict: 'fail' },
    ],
    unfinished: [],
    problems: [],
  })
  t.match(tap.stdout, /^TAP version 14\n1\.\.2\nok 1 - a\.1\n/)
  t.match(junit.stdout, /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<testsuites /)
})

t.test('a run that was cut off, with a damaged file, is reported as far as it came', async t => {
  const dir = t.testdir()
  const { run } = storeRun(join(dir, 'torture-results'), planOf(['a.1', 'b.1', 'c.1']), [
    resultOf('a.1'),
    resultOf('b.1'),
  ])
  writeFileSync(join(run.dir, 'run.json'), '')
  writeFileSync(join(run.dir, 'b.1', 'verdict.json'), '{"schema":1}')
  const { code, stdout, stderr } = await torture(dir, 'report')
  t.equal(code, 0)
  t.match(stdout, /^… b\.1 {2}never finished$/m)
  t.match(stdout, /^CUT OFF {4}1 passed, 2 never finished/m)
  t.match(stdout, /^next {7}torture rerun$/m)
  t.equal(stderr.trimEnd().split('\n').length, 2, 'a line for each damaged file')
})

t.test('what is no run: one line, exit 2, the nearest ids', async t => {
  const dir = t.testdir()
  const { last } = twoRuns(dir)
  const said = await Promise.all([
    torture(dir, 'report', 'nosuch'),
    torture(dir, 'report', '../..'),
    torture(dir, 'report', '--format', 'jsn'),
    torture(dir, 'report', '--results', 'nowhere'),
  ])
  for (const { code, stdout, stderr } of said) {
    t.match({ code, stdout }, { code: 2, stdout: '' })
    t.match(stderr, /^torture: [^\n]+\n$/, 'one line')
  }
  t.match(said[0].stderr, `the nearest are ${last.id}`)
  t.match(said[2].stderr, "did you mean 'json'?")
})
