/** Drivers and agents that die: what runs goes on, what ended is kept, and nothing is done twice. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { SLEEPS, type Workspace, workspace } from './helpers/cli.ts'
import { eventsOf, hostsIn, runsLeft } from './helpers/fleet.ts'

const HOST = { one: { cpus: 3 } }
const line = (lab: string, ...more: string[]) => ['run', '--hosts', lab, '--reporter', 'json', ...more]

/** Process ids of the agents of a workspace's hosts. */
function agentsOf(here: Workspace): number[] {
  return runsLeft(here).flatMap(run => {
    const file = join(here.dir, run.replace('/', '/runs/'), 'agent.json')
    return existsSync(file) ? [JSON.parse(readFileSync(file, 'utf8')).pid as number] : []
  })
}

const countOf = (here: Workspace, type: string, instance: string) =>
  eventsOf(here).filter(event => event.type === type && event.instance === instance).length

t.test('the driver is killed: the guest goes on, and rerun picks it up', async t => {
  const here = workspace(t)
  here.write({ 'sleeps.mjs': SLEEPS })
  const lab = hostsIn(here, { one: { cpus: 1 } })
  const run = here.start(...line(lab, '-s', '2*./sleeps.mjs', '--duration', '4s'))
  await run.says(/"type":"firstWork"/)
  run.child.kill('SIGKILL')
  await run.ended
  const again = here.start('rerun', '--reporter', 'json')
  await again.says(/"type":"started"/)
  const refused = await here.torture('rerun')
  t.match(refused, { status: 2, stderr: /still running/ })
  const { status, stderr } = await again.ended
  t.equal(status, 0, stderr)
  t.equal(here.runs().length, 1, 'in place')
  t.match(here.summary(), { verdict: 'pass', instances: [{ host: 'one' }, { host: 'one' }] })
  t.equal(countOf(here, 'assigned', 'sleeps.1'), 1, 'it was not started again')
  t.equal(countOf(here, 'assigned', 'sleeps.2'), 1)
  t.same(runsLeft(here), [], 'nothing is left on the host')
})

t.test('the driver is killed, and what it had begun ends before another comes', async t => {
  const here = workspace(t)
  const lab = hostsIn(here, HOST)
  const run = here.start(...line(lab, '-s', 'rwsem', '--duration', '1s'))
  await run.says(/"type":"started"/)
  run.child.kill('SIGKILL')
  await run.ended
  const [left] = runsLeft(here)
  const attempt = join(here.dir, left.replace('/', '/runs/'), 'attempts/1')
  while (
    !existsSync(join(attempt, 'archive.gz')) ||
    !readFileSync(join(attempt, 'attempt.json'), 'utf8').includes('ended')
  )
    await new Promise(resolve => setTimeout(resolve, 20))
  const { status, stdout } = await here.torture('rerun', '--reporter', 'json')
  t.equal(status, 0)
  t.notMatch(stdout, '"type":"firstWork"', 'nothing was run')
  t.equal(countOf(here, 'assigned', 'rwsem.1'), 1)
  t.match(here.summary(), { verdict: 'pass' })
})

t.test('an agent is killed with its guests: the instance runs again, and counts once', async t => {
  const here = workspace(t)
  const lab = hostsIn(here, HOST)
  const run = here.start(...line(lab, '-s', 'rwsem', '--duration', '2s'))
  await run.says(/"type":"firstWork"/)
  for (const pid of agentsOf(here)) process.kill(pid, 'SIGKILL')
  const { status, stdout, stderr } = await run.ended
  t.equal(status, 0, stderr)
  t.match(stdout, /"type":"host".*"state":"away"/)
  t.match(here.summary(), { verdict: 'pass', instances: [{ name: 'rwsem.1', verdict: 'pass' }] })
  t.equal(countOf(here, 'assigned', 'rwsem.1'), 2)
  t.equal(countOf(here, 'ended', 'rwsem.1'), 1)
  t.ok(eventsOf(here).some(({ type, how }) => type === 'over' && how === 'perished'))
})

t.test('SIGINT: an orderly stop on all hosts, and rerun completes it', async t => {
  const here = workspace(t)
  const lab = hostsIn(here, HOST)
  const run = here.start(...line(lab, '-s', '2*rwsem', '--duration', '30s'))
  await run.says(/"type":"firstWork"/)
  run.child.kill('SIGINT')
  t.equal((await run.ended).status, 130)
  t.same(runsLeft(here), [], 'nothing goes on')
  const cut = here.summary()
  t.notOk(cut.finishedAt)
  t.match(cut.instances, [{ name: 'rwsem.1', verdict: 'skipped' }])
  const dry = await here.torture('rerun', '--dry-run')
  t.match(dry.stdout, /rwsem\.1[\s\S]*rwsem\.2[\s\S]*on one \(3 CPUs\)/)
  t.same(
    readdirSync(join(here.dir, 'torture-results', here.runs()[0])).filter(name => name.startsWith('.')),
    [],
  )
})

t.test('--fail-fast, and a re-run of what failed', async t => {
  const here = workspace(t)
  const lab = hostsIn(here, HOST)
  const bug = ['-s', 'rwsem', '-s', '2*rcu', '--bug', 'rwsem-busted', '--bridge', '0']
  const { status } = await here.torture(...line(lab, ...bug, '--duration', '20s', '--fail-fast'))
  t.equal(status, 1)
  const first = Object.fromEntries(here.summary().instances.map(({ name, verdict }) => [name, verdict]))
  t.match(first, { 'rwsem.1': 'fail' })
  t.ok(Object.values(first).every(verdict => verdict !== 'pass'))
  const again = await here.torture('rerun', '--only', 'rwsem', '--reporter', 'json')
  t.equal(again.status, 1)
  t.equal(here.runs().length, 2)
  t.match(here.summary(), { instances: [{ name: 'rwsem.1', verdict: 'fail', host: 'one' }] }, 'on the same hosts')
})
