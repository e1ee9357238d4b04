/** Runs over a real Slurm whose drivers and tasks die: what runs goes on, and each instance is judged once. */
import t from 'tap'
import { type Workspace, workspace } from './helpers/cli.ts'
import { eventsOf } from './helpers/fleet.ts'
import { emptied, slurmLab, tasksOf, until, withoutSlurm } from './helpers/slurm-lab.ts'

const VIA = ['--via', 'slurm', '--reporter', 'json', '--bridge', '0']

const countOf = (here: Workspace, type: string, instance: string) =>
  eventsOf(here).filter(event => event.type === type && event.instance === instance).length

t.test('over Slurm', { skip: withoutSlurm }, async t => {
  const lab = await slurmLab(t)
  Object.assign(process.env, lab.env)

  t.test('the driver is killed: rerun finds what runs and what waits', async t => {
    const here = workspace(t)
    const run = here.start('run', '3*rwsem', ...VIA, '--duration', '2s')
    await run.says(/"type":"firstWork"/)
    run.child.kill('SIGKILL')
    await run.ended
    const { status, stderr } = await here.torture('rerun', '--reporter', 'json')
    t.equal(status, 0, stderr)
    t.match(here.summary(), { verdict: 'pass', instances: { length: 3 } })
    t.match(here.read('batch.json'), { arrays: { length: 1 } }, 'nothing was submitted again')
    for (const name of ['rwsem.1', 'rwsem.2', 'rwsem.3']) t.equal(countOf(here, 'ended', name), 1, name)
  })

  t.test('one is started again, one is cancelled by somebody, and the rest by SIGINT', async t => {
    const here = workspace(t)
    const run = here.start('run', '3*rwsem', ...VIA, '--duration', '60s')
    await run.says(/("type":"started"[\s\S]*){2}/)
    const [first, second] = tasksOf(lab, 'RUNNING')
    lab.ask('scontrol', 'requeue', first)
    lab.ask('scancel', second)
    await until(() => tasksOf(lab, 'PENDING').includes(first), 'the task that was requeued')
    // Slurm would wait for two minutes. In the second of its end the node would not let it start: "credential revoked".
    lab.ask('scontrol', 'update', `JobId=${first}`, 'StartTime=now+2')
    await run.says(/"verdict":"lost"/)
    await run.says(/("type":"started"[\s\S]*){4}/)
    run.child.kill('SIGINT')
    const { status, stderr } = await run.ended
    t.equal(status, 130, stderr)
    const lost = here.summary().instances.filter(({ verdict }) => verdict === 'lost')
    t.match(lost, [{ reason: new RegExp(`^job ${second}: it was cancelled \\(node n[12]\\)$`) }])
    t.ok(
      eventsOf(here).some(({ attempt }) => attempt?.match(/#1\.\d\.1@n/)),
      'a second start has another name',
    )
    for (const { name } of here.summary().instances) t.equal(countOf(here, 'ended', name), 1, name)
    await emptied(lab)
  })
})
