/** `import { run } from 'torture'`: a run as data, for test runners. */
import { join } from 'node:path'
import t from 'tap'
import { acceptable, defineScenario, explore, run } from '../torture/api.ts'
import { FAILS, LOSES, PASSES, workspace } from './helpers/cli.ts'

t.test('run', async t => {
  const { dir, write } = workspace(t)
  write({ 'passes.mjs': PASSES, 'fails.mjs': FAILS })
  const results = join(dir, 'results')
  const files = [join(dir, 'passes.mjs'), join(dir, 'fails.mjs')]
  const summary = await run(files, { duration: 200, seed: 7, params: { step: 2 }, results })
  t.match(summary, { verdict: 'fail', exitCode: 1, seed: 7 })
  t.same(Object.fromEntries(summary.instances.map(({ name, verdict }) => [name, verdict])), {
    'passes.1': 'pass',
    'fails.1': 'fail',
  })
  await t.rejects(run(undefined as never, { results }), { exitCode: 2, message: /run\(\) wants a selector or several/ })
  await t.rejects(run('no-such-scenario', { results }), { exitCode: 2, message: /no-such-scenario/ })
  await t.rejects(run(files[0], { duration: 0, results }), { exitCode: 2, message: /--duration/ })
})

t.test('explore', async t => {
  const { dir, write } = workspace(t)
  write({ 'loses.mjs': LOSES })
  const summary = await explore(join(dir, 'loses.mjs'), {
    budget: '20s',
    ops: 2,
    cpus: 1,
    results: join(dir, 'results'),
  })
  t.match(summary, { verdict: 'fail', exitCode: 1 })
  t.match(summary.instances[0], { exploration: { threads: 2 }, failures: [{ schedule: String }] })
  await t.rejects(explore('x', { duration: 5 } as never), { message: /explore\(\) has no option 'duration'/ })
})

t.test('what scenarios import', async t => {
  t.type(defineScenario, 'function')
  t.same(acceptable('because'), { grade: 'acceptable', why: 'because' })
})
