/** What `rerun` does with a run that was cut off, with one that ended, and with one that cannot be read. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FAILS, PASSES, workspace } from './helpers/cli.ts'

t.test('a runner that was killed: finished instances stay, the rest runs in place', async t => {
  const { write, torture, start, runs, summary } = workspace(t)
  write({ 'passes.mjs': PASSES })
  const run = start('run', '-s', '3*./passes.mjs', '--cpus', '1', '--duration', '300ms', '--reporter', 'json')
  await run.says(/"type":"started","instance":"passes.2"/)
  run.child.kill('SIGKILL')
  await run.ended
  t.notOk(summary().finishedAt)
  const first = summary().instances.find(({ name }) => name === 'passes.1')
  t.equal(first?.verdict, 'pass')
  const { status, stderr } = await torture('rerun')
  t.equal(status, 0, stderr)
  t.equal(runs().length, 1)
  t.match(summary(), { verdict: 'pass', finishedAt: /Z$/ })
  t.same(
    summary().instances.map(({ name }) => name),
    ['passes.1', 'passes.2', 'passes.3'],
  )
  t.same(summary().instances[0], first, 'what had passed was not run again')
})

t.test('a finished run', async t => {
  const { dir, write, torture, runs, plan, summary } = workspace(t)
  write({ 'passes.mjs': PASSES, 'fails.mjs': FAILS })
  await torture('run', '-s', '2*./passes.mjs,./fails.mjs', '--duration', '200ms', '--seed', '5')
  const origin = runs()[0]
  const names = () => plan().instances.map(({ name }) => name)
  const seeds = (id?: string) => plan(id).instances.map(({ seed }) => seed)

  await t.test('again, as a new run that names its origin, although a source changed', async t => {
    write({ 'fails.mjs': PASSES.replace("'passes'", "'fails'") })
    const { status } = await torture('rerun')
    t.equal(status, 1, 'the stored bundle still fails')
    t.match(plan(), { origin, command: 'rerun', bundle: plan(origin).bundle, seed: 5 })
    t.same(names(), ['passes.1', 'passes.2', 'fails.1'])
    t.same(seeds(), seeds(origin))
  })
  await t.test('--failed', async t => {
    const { status } = await torture('rerun', origin, '--failed')
    t.equal(status, 1)
    t.same(names(), ['fails.1'])
  })
  await t.test('--only an instance, by the path of the run', async t => {
    const { status } = await torture('rerun', join('torture-results', origin), '--only', 'passes.2')
    t.equal(status, 0)
    t.same(names(), ['passes.2'])
    t.equal(plan().instances[0].seed, plan(origin).instances[1].seed)
  })
  await t.test('--failed with nothing failed', async t => {
    const before = runs().length
    const { status, stdout } = await torture('rerun', '--failed')
    t.equal(status, 0)
    t.match(stdout, /^nothing to do.*\n$/)
    t.equal(runs().length, before)
  })
  await t.test('--times, --seed new, --duration', async t => {
    const { status } = await torture(
      'rerun',
      origin,
      ...'--only passes.1 --times 2 --seed new --duration 100ms'.split(' '),
    )
    t.equal(status, 0)
    t.same(names(), ['passes.1.1', 'passes.1.2'])
    t.equal(new Set([...seeds(), ...seeds(origin)]).size, 5)
    t.equal(plan().instances[0].durationMs, 100)
  })
  await t.test('a selection that the run does not have', async t => {
    const { status, stderr } = await torture('rerun', origin, '--only', 'passe')
    t.equal(status, 2)
    t.match(stderr, /did you mean 'passes'/)
  })
  await t.test('a bundle that was changed, and one that is gone', async t => {
    const bundle = join(dir, 'torture-results/bundles', plan(origin).bundle)
    writeFileSync(join(bundle, 'guest.js'), '')
    const changed = await torture('rerun', origin)
    t.equal(changed.status, 2)
    t.match(changed.stderr, /^torture: .*was changed since.*\n$/)
    rmSync(bundle, { recursive: true })
    const gone = await torture('rerun', origin)
    t.equal(gone.status, 2)
    t.match(gone.stderr, /^torture: .*is missing.*\n$/)
  })
  t.match(summary(origin), { verdict: 'fail' }, 'the origin is as it was')
})
