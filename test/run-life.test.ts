/** A run from its start to its end: what it prints, what it writes, how it is stopped. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FAILS, PASSES, workspace } from './helpers/cli.ts'

t.test('a run that passes', async t => {
  const { dir, write, torture, runs, plan, summary } = workspace(t)
  write({ 'passes.mjs': PASSES })
  const { status, stdout, stderr } = await torture(
    ...['run', '-s', '2*./passes.mjs', '--duration', '300ms', '--seed', '42', '--param', 'step=3'],
  )
  t.equal(status, 0, stderr)
  t.match(stdout, /PASS/)
  t.equal(runs().length, 1)
  t.match(plan(), { command: 'run', seed: 42, argv: ['run', '-s', '2*./passes.mjs'] })
  const run = summary()
  t.match(run, { verdict: 'pass', exitCode: 0, seed: 42, finishedAt: /Z$/, bundle: /^[0-9a-f]{64}$/ })
  t.same(run.instances.map(({ name, verdict }) => [name, verdict]).sort(), [
    ['passes.1', 'pass'],
    ['passes.2', 'pass'],
  ])
  const folder = join(dir, 'torture-results', runs()[0], 'passes.1')
  for (const file of ['command.json', 'console.log', 'verdict.json']) t.ok(existsSync(join(folder, file)), file)
  const verdict = JSON.parse(readFileSync(join(folder, 'verdict.json'), 'utf8'))
  t.match(verdict, { by: 'guest', params: { step: 3 } })
  t.notOk('instances' in (plan().instances[0] as object))
  t.match(plan().instances[0], { params: { step: 3 }, defaults: { step: 1 } })
})

t.test('a run that fails', async t => {
  const { write, torture, summary } = workspace(t)
  write({ 'passes.mjs': PASSES, 'fails.mjs': FAILS })
  const { status, stdout } = await torture('run', './fails.mjs', './passes.mjs', '--duration', '300ms')
  t.equal(status, 1)
  t.match(stdout, /as expected/)
  const run = summary()
  t.equal(run.verdict, 'fail')
  const verdicts = Object.fromEntries(run.instances.map(({ name, verdict }) => [name, verdict]))
  t.same(verdicts, { 'fails.1': 'fail', 'passes.1': 'pass' })
  t.match(run.instances.find(({ name }) => name === 'fails.1')!.failures[0], { path: 'fails.1/failures/1' })
})

t.test('--fail-fast skips the rest', async t => {
  const { write, torture, summary } = workspace(t)
  write({ 'passes.mjs': PASSES, 'fails.mjs': FAILS })
  const line = ['run', '-s', './fails.mjs,2*./passes.mjs', '--cpus', '1', '--duration', '20s', '--fail-fast']
  const { status } = await torture(...line)
  t.equal(status, 1)
  const run = summary()
  t.same(
    run.instances.map(({ name, verdict }) => [name, verdict]),
    [
      ['fails.1', 'fail'],
      ['passes.1', 'skipped'],
      ['passes.2', 'skipped'],
    ],
  )
  t.ok(run.finishedAt, 'it is final')
  t.match(run.instances[1].reason, /--fail-fast: fails.1/)
})

t.test('--dry-run starts and writes nothing', async t => {
  const { write, torture, runs, dir } = workspace(t)
  write({ 'passes.mjs': PASSES })
  const { status, stdout } = await torture('run', '-s', '3*./passes.mjs', '--cpus', '2', '--dry-run', '--seed', '1')
  t.equal(status, 0)
  t.match(
    stdout,
    /3 instances in 2 batches on 2 CPUs.*\nbatch 1\n {2}passes.1 .*\n {2}passes.2 .*step=1\nbatch 2\n {2}passes.3/,
  )
  t.same(runs(), [])
  t.notOk(existsSync(join(dir, 'torture-results')))
})

t.test('SIGINT: an orderly stop, and rerun completes it in place', async t => {
  const { write, torture, start, runs, summary } = workspace(t)
  write({ 'passes.mjs': PASSES })
  const run = start('run', '-s', '2*./passes.mjs', '--cpus', '1', '--duration', '30s', '--reporter', 'json')
  await run.says(/"type":"firstWork"/)
  run.child.kill('SIGINT')
  const { status } = await run.ended
  t.equal(status, 130)
  const cut = summary()
  t.notOk(cut.finishedAt, 'it is not final')
  t.same(
    cut.instances.map(({ name, verdict }) => [name, verdict]),
    [['passes.1', 'skipped']],
    'a part is no pass',
  )
  t.match(cut.instances[0].reason, /SIGINT/)

  const dry = await torture('rerun', '--dry-run')
  t.match(dry.stdout, /passes\.1[\s\S]*passes\.2/)
  const again = start('rerun', '--reporter', 'json')
  await again.says(/"type":"firstWork"/)
  t.equal(runs().length, 1, 'in place')
  const refused = await torture('rerun')
  t.equal(refused.status, 2, 'a live run is refused')
  t.match(refused.stderr, /still running/)
  again.child.kill('SIGINT')
  again.child.kill('SIGTERM')
  await again.ended
})

t.test('a second signal ends it at once', async t => {
  const { write, start } = workspace(t)
  // It does not come home when told to: only the second signal ends it.
  write({
    'stays.mjs': `export default { name: 'stays', summary: '', setup: () => ({}), threads: { one: { run: ({ more }) => {
      more(); for (const end = Date.now() + 60_000; Date.now() < end;); } } } }`,
  })
  const run = start('run', './stays.mjs', '--hang-after', '50s', '--duration', '60s', '--reporter', 'json')
  await run.says(/"type":"started"/)
  // Two signals in one moment are one to the system: knock until it opens.
  const knocking = setInterval(() => run.child.kill('SIGINT'), 50)
  const { status } = await run.ended
  clearInterval(knocking)
  t.equal(status, 130)
})

t.test('whoever stops listening does not stop the run', async t => {
  const { write, start, summary } = workspace(t)
  write({ 'passes.mjs': PASSES })
  const run = start('run', './passes.mjs', '--duration', '500ms', '--reporter', 'json')
  await run.says(/"type":"started"/)
  run.child.stdout!.destroy()
  const { status, stderr } = await run.ended
  t.equal(status, 0)
  t.equal(stderr, '')
  t.equal(summary().verdict, 'pass')
})

t.test('the recorded command starts the same guest, in a fresh folder', async t => {
  const { dir, write, torture, runs } = workspace(t)
  write({ 'passes.mjs': PASSES })
  await torture('run', './passes.mjs', '--duration', '200ms')
  const file = join(dir, 'torture-results', runs()[0], 'passes.1/command.json')
  const { command, env } = JSON.parse(readFileSync(file, 'utf8'))
  const { execa } = await import('execa')
  const before = readFileSync(join(file, '../verdict.json'), 'utf8')
  const { stdout, exitCode } = await execa(command[0], command.slice(1), { cwd: dir, env, reject: false })
  t.equal(exitCode, 0, stdout)
  t.match(stdout, /writes to guest-passes\.1-/)
  t.equal(readFileSync(join(file, '../verdict.json'), 'utf8'), before)
})

t.test('guests that end badly', async t => {
  const { write, torture, summary } = workspace(t)
  const bad = (name: string, run: string) =>
    `export default { name: '${name}', summary: '', setup: () => ({}), threads: { one: { run: () => { ${run} } } } }`
  write({
    'exits.mjs': bad('exits', 'process.kill(process.pid, "SIGKILL")'),
    'loops.mjs': bad('loops', 'for (;;);'),
    'eats.mjs': bad(
      'eats',
      'const all = []; for (;;) { const b = new SharedArrayBuffer(1 << 26); new Uint8Array(b).fill(1); all.push(b) }',
    ),
  })
  const line = [
    'run',
    './exits.mjs',
    './loops.mjs',
    './eats.mjs',
    '--duration',
    '1s',
    '--hang-after',
    '500ms',
    '--max-memory',
    '256MiB',
  ]
  const { status } = await torture(...line)
  t.equal(status, 1)
  const verdicts = Object.fromEntries(summary().instances.map(({ name, verdict }) => [name, verdict]))
  t.match(verdicts, { 'exits.1': 'crash', 'loops.1': 'hang' })
  t.match(verdicts['eats.1'], /crash|fail/)
})
