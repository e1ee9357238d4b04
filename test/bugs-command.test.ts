/** `torture bugs`, as a user types it and over a catalogue of bugs whose outcome is certain. */
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { openRun } from '../results/reader.ts'
import type { BugRow } from '../results/trials.ts'
import { withNewBundle } from '../torture/bundle/make.ts'
import type { Bundle } from '../torture/bundle/manifest.ts'
import { type BugsFlags, tryBugs } from '../torture/commands/bugs.ts'
import { workspace } from './helpers/cli.ts'

const entries = {
  scenarios: ['test/fixtures/bugs-counter.ts', 'test/fixtures/bugs-alarm.ts'],
  bugs: ['counts', 'nothing', 'stranger', 'unentered', 'alarm', 'explored'].map(
    name => `test/fixtures/bugs/${name}.ts`,
  ),
  user: [],
}

async function said(bundle: Bundle, flags: BugsFlags): Promise<{ status: number; stdout: string; stderr: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const texts = Promise.all([text(stdout), text(stderr)])
  const short = { times: '1', duration: '300ms', reporter: 'plain', ...flags }
  const status = await tryBugs(short, async () => bundle, { stdout, stderr })
  stdout.end()
  stderr.end()
  const [out, err] = await texts
  return { status, stdout: out, stderr: err }
}

t.test('a catalogue of bugs whose outcome is certain', async t => {
  const results = t.testdir()
  await withNewBundle(entries, async bundle => {
    const all = await said(bundle, { results, mode: 'stress', json: true })
    t.equal(all.status, 1, 'one escaped is a failure')
    const rows = new Map((JSON.parse(all.stdout) as BugRow[]).map(row => [row.bug, row]))
    t.same(
      [...rows.keys()],
      [
        'fixture-counts',
        'fixture-nothing',
        'fixture-stranger',
        'fixture-unentered',
        'fixture-alarm',
        'fixture-explored',
      ],
    )
    const clean = { tries: 1, controls: 1, clean: 1 }
    t.match(rows.get('fixture-counts'), { verdict: 'caught', caught: 1, oracles: { CNT: 1 }, ...clean })
    t.ok(rows.get('fixture-counts')!.windows! > 10)
    t.match(rows.get('fixture-nothing'), { verdict: 'escaped', caught: 0, oracles: {}, medianMs: null, ...clean })
    t.match(rows.get('fixture-stranger'), { verdict: 'escaped', caught: 0, others: { PT: 1 }, ...clean })
    t.match(rows.get('fixture-unentered'), { verdict: 'escaped', others: { CNT: 1 }, windows: 0, ...clean })
    t.match(rows.get('fixture-alarm'), { verdict: 'false alarm', caught: 1, controls: 1, clean: 0 })
    t.match(rows.get('fixture-explored'), { verdict: 'not tried', tries: 0 })
    t.match(all.stderr, /not tried, since only exploring finds them: fixture-explored\n/)

    const run = openRun(results, 'last')
    t.match(run.plan, { command: 'bugs', bundle: bundle.hash })
    t.match(run.summary, { verdict: 'fail', exitCode: 1 })
    t.match(run.summary.instances[0], { name: 'fixture-counts.1', verdict: 'fail' }, 'what its guest said')

    const one = await said(bundle, { results, ids: ['fixture-counts'] })
    t.equal(one.status, 0)
    t.match(one.stdout, /✔ fixture-counts\.1 {2}caught by CNT after \d+ ms, its window entered \d+ times\n/)
    t.match(one.stdout, /✔ {2}fixture-counts +E +fixture-counter +1\/1 +1\/1 +CNT +0\.\d\d s/)
    t.notMatch(one.stdout, /FAIL/, 'to be caught is no failure')
    t.match(openRun(results, 'last').summary, { verdict: 'pass', exitCode: 0 })

    const alone = await said(bundle, { results, ids: ['fixture-alarm'], controls: '0' })
    t.equal(alone.status, 0, 'without a control nobody notices a false alarm')
  })
})

t.test('bad usage is status 2 and a line, and nothing is started', async t => {
  const user = workspace(t)
  const refused = async (pattern: RegExp, ...args: string[]) => {
    const { status, stdout, stderr } = await user.torture('bugs', ...args)
    t.equal(status, 2)
    t.equal(stdout, '')
    t.match(stderr, pattern)
    t.equal(stderr.trim().split('\n').length, 1)
  }
  await refused(/there is no bug 'rwsem-bustde': did you mean 'rwsem-busted'\?/, 'rwsem-bustde')
  await refused(/rwsem-busted: none is of hardness D/, 'rwsem-busted', '--hardness', 'D')
  await refused(/--hardness Q: one of E, D, X is needed/, '--hardness', 'Q')
  await refused(/--mode stres: did you mean 'stress'\?/, '--mode', 'stres')
  await refused(/--times 0: a whole number/, '--times', '0')
  await refused(/--budget 9: a duration/, '--budget', '9')
  t.same(user.runs(), [])
})

t.test('--dry-run says what would be tried', async t => {
  const user = workspace(t)
  const { status, stdout } = await user.torture('bugs', 'rwsem-busted', '--times', '2', '--dry-run')
  t.equal(status, 0)
  t.match(stdout, /^4 instances in 4 batches/)
  t.match(stdout, /rwsem-busted\.2 .* bug rwsem-busted\n/)
  t.match(stdout, /rwsem-busted\.clean\.2 /)
  t.same(user.runs(), [])
})

t.test('SIGINT ends it in order with the table so far, and rerun does the rest', async t => {
  const user = workspace(t)
  const bugs = user.start('bugs', 'rwsem-busted', 'rwsem-wake-before-clear', '--times', '1', '--hang-after', '1s')
  await bugs.says(/rwsem-busted\.1 {2}caught/)
  bugs.child.kill('SIGINT')
  const { status, stdout } = await bugs.ended
  t.equal(status, 130)
  t.match(stdout, /✔ {2}rwsem-busted +E +rwsem +1\/1/)
  t.match(stdout, /- {2}rwsem-wake-before-clear +E +rwsem +not tried/)

  const rest = await user.torture('rerun')
  t.equal(rest.status, 0)
  t.notMatch(rest.stdout, /✔ rwsem-busted\.1 /, 'what was tried stays')
  t.match(rest.stdout, /✔ {2}rwsem-wake-before-clear +E +rwsem +1\/1 +1\/1 +HANG/)
  t.equal(user.runs().length, 1)

  const report = await user.torture('report', '--format', 'tap')
  t.notMatch(report.stdout, /^not ok/m)
  const listed = JSON.parse((await user.torture('list', 'runs', '--json')).stdout)
  t.match(listed, [{ verdict: 'pass', passed: 4, instances: 4 }])
  t.match(await user.torture('rerun', '--failed'), { status: 0, stdout: /nothing to do/ })
})
