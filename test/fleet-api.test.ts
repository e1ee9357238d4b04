/** `run()` and `explore()` over hosts, and how many guests a search has there that nobody counted. */
import { join } from 'node:path'
import t from 'tap'
import { explore, run } from '../torture/api.ts'
import { workspace } from './helpers/cli.ts'
import { hostsIn } from './helpers/fleet.ts'

t.test('run', async t => {
  const here = workspace(t)
  const hosts = join(here.dir, hostsIn(here, { one: { cpus: 4, mode: 'honest' }, two: { cpus: 4, mode: 'honest' } }))
  const results = join(here.dir, 'results')
  const { verdict, instances } = await run('2*rwsem', { hosts, grace: 5000, duration: '1s', results })
  t.equal(verdict, 'pass')
  t.ok(instances.every(({ host }) => host === 'one' || host === 'two'))
  const nowhere = run('rwsem', { grace: '5s', results })
  await t.rejects(nowhere, { exitCode: 2, message: '--grace means nothing without --hosts' })
})

t.test('a search without a count has a guest for each CPU of the hosts that are here', async t => {
  const here = workspace(t)
  const lab = { one: { cpus: 4, mode: 'honest' }, two: { cpus: 3, mode: 'honest' } }
  const hosts = join(here.dir, hostsIn(here, lab))
  const results = join(here.dir, 'results')
  const search = { hosts, budget: '1s', results, keepGoing: true }
  t.equal((await explore('bounded-buffer', search)).instances.length, 7)
  t.equal((await explore('bounded-buffer', { ...search, cpus: 3 })).instances.length, 6, 'three of each at most')
  t.equal((await explore('2*bounded-buffer', search)).instances.length, 2)
})
