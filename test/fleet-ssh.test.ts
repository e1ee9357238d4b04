/** A plan over real sshd: what runs there is fetched, whatever happens to links, hosts and drivers on the way. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FAILS, SLEEPS, type Workspace, workspace } from './helpers/cli.ts'
import { eventsOf } from './helpers/fleet.ts'
import { lineTo, type SshLab, sshLab, withoutSshd } from './helpers/ssh-lab.ts'

const skip = { skip: withoutSshd }

const over = ({ configFile }: SshLab, hosts: string) => ['--hosts', hosts, '--ssh-config', configFile]

function shippedIn(here: Workspace): Record<string, number> {
  const shipped = eventsOf(here).filter(({ type }) => type === 'shipped')
  return Object.fromEntries(shipped.map(({ host, bytes }) => [host, bytes!]))
}

const judged = (here: Workspace) =>
  eventsOf(here)
    .filter(({ type }) => type === 'ended')
    .map(({ instance }) => instance)
    .sort()

const runsOn = (home: string) => readdirSync(join(home, '.torture/runs'))

t.test('over three hosts, and then only what failed, without shipping', skip, async t => {
  const lab = sshLab(t)
  const here = workspace(t)
  const homes = [await lab.start('lab-a'), await lab.start('lab-b')].map(({ home }) => home)
  const file = `it's "$HOME"/fails.mjs`
  here.write({ [file]: FAILS, 'hosts.json': JSON.stringify({ hosts: ['lab-a', { name: 'lab-b', cpus: 1 }] }) })
  const what = ['-s', '4*rwsem', '-s', `./${file}`, '--duration', '500ms', '--bridge', '0']
  const { status, stdout, stderr } = await here.torture('run', ...what, ...over(lab, 'hosts.json'))
  t.equal(status, 1, stderr)
  t.match(stdout, `${file}:`, 'the line of the file that was compiled here')
  t.same(judged(here), ['fails.1', 'rwsem.1', 'rwsem.2', 'rwsem.3', 'rwsem.4'])
  const hosts = new Set(here.summary().instances.map(({ host }) => host))
  t.same([...hosts].sort(), ['lab-a', 'lab-b'])
  t.match(here.read('rwsem.1/command.json'), { command: [/./, /./] })
  for (const home of homes) t.same(runsOn(home), [], 'nothing is left there but the bundle')
  t.ok(Object.values(shippedIn(here)).every(bytes => bytes > 100_000))

  const again = await here.torture('rerun', '--failed', ...over(lab, 'lab-a,lab-b'))
  t.equal(again.status, 1)
  t.same(judged(here), ['fails.1'])
  t.same(shippedIn(here)[here.summary().instances[0].host], 0, 'the bundle was there')
})

t.test('a line that is cut again and again', skip, async t => {
  const lab = sshLab(t)
  const here = workspace(t)
  let port = 0
  const line = await lineTo(t, () => port)
  ;({ port } = await lab.start('far', { through: line.port }))
  here.write({ 'sleeps.mjs': SLEEPS, 'hosts.json': JSON.stringify([{ name: 'far', cpus: 1 }]) })
  const what = ['-s', '2*./sleeps.mjs', '--duration', '4s', '--reporter', 'json']
  const run = here.start('run', ...what, ...over(lab, 'hosts.json'))
  for (const n of [1, 3, 5]) {
    await run.says(new RegExp(`("type":"stats"[^]*){${n}}`))
    line.cut()
  }
  const { status, stderr } = await run.ended
  t.equal(status, 0, stderr)
  t.same(judged(here), ['sleeps.1', 'sleeps.2'], 'each once')
  t.equal(eventsOf(here).filter(({ how }) => how === 'counted').length, 2)
  t.notOk(
    eventsOf(here).some(({ how, instance }) => how === 'perished' && instance === 'sleeps.1'),
    'what had begun went on',
  )
  t.ok(line.connections() >= 4)
})

t.test('all that a host runs is killed and it never comes back: another one does it', skip, async t => {
  const lab = sshLab(t)
  const here = workspace(t)
  const doomed = await lab.start('doomed')
  await lab.start('other')
  const run = here.start(
    ...[
      'run',
      '-s',
      '3*rwsem',
      '--duration',
      '3s',
      '--grace',
      '1s',
      '--reporter',
      'json',
      ...over(lab, 'doomed,other'),
    ],
  )
  await run.says(/"type":"started"[^\n]*"host":"doomed"/)
  doomed.stop()
  const [name] = runsOn(doomed.home)
  const { pid } = JSON.parse(readFileSync(join(doomed.home, '.torture/runs', name, 'agent.json'), 'utf8'))
  process.kill(pid, 'SIGKILL')
  const { status, stderr } = await run.ended
  t.equal(status, 0, stderr)
  t.same(judged(here), ['rwsem.1', 'rwsem.2', 'rwsem.3'])
  t.ok(here.summary().instances.every(({ verdict }) => verdict === 'pass'))
  t.ok(eventsOf(here).some(({ type, host, state }) => type === 'host' && host === 'doomed' && state === 'away'))
})

t.test('a host that cannot be used is named, and the others go on', skip, async t => {
  const lab = sshLab(t)
  const here = workspace(t)
  await lab.start('stranger', { unknown: true })
  const refused = await here.torture('run', '-s', 'rwsem', ...over(lab, 'stranger'))
  t.equal(refused.status, 3)
  t.match(refused.stderr, /^torture: no host can be used, and nothing was started: stranger: .*shows the key/)
  t.notOk(existsSync(join(here.dir, 'torture-results')))
  await lab.start('friend')
  const { status, stdout } = await here.torture(
    ...['run', '-s', 'rwsem', '--duration', '200ms', ...over(lab, 'stranger,friend')],
  )
  t.equal(status, 0)
  t.match(stdout, /^host given up: stranger: .*shows the key/m)
  t.same([...new Set(here.summary().instances.map(({ host }) => host))], ['friend'])
})
