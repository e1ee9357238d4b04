/** Runs over a real Slurm of two nodes: what is refused, what comes back, what is done again. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FAILS, type Workspace, workspace } from './helpers/cli.ts'
import { emptied, slurmLab, withoutSlurm } from './helpers/slurm-lab.ts'

/** No name that a shell would leave as it is. */
const DIR = 'shared $HOME "of" all; %a'
const VIA = ['--via', 'slurm', '--slurm-dir', DIR, '--reporter', 'json', '--bridge', '0']

const lastOf = (here: Workspace) =>
  Object.fromEntries(here.summary().instances.map(({ name, verdict }) => [name, verdict]))

const runsLeft = ({ dir }: Workspace) => (existsSync(join(dir, DIR, 'runs')) ? readdirSync(join(dir, DIR, 'runs')) : [])

t.test('over Slurm', { skip: withoutSlurm }, async t => {
  const lab = await slurmLab(t)
  Object.assign(process.env, lab.env)

  t.test('what cannot be is said before anything is stored', async t => {
    const here = workspace(t)
    const refused = async (status: number, line: RegExp, ...args: string[]) => {
      const { stderr, ...ended } = await here.torture('run', 'rwsem', '--via', 'slurm', ...args)
      t.equal(ended.status, status, args.join(' '))
      t.match(stderr, line)
      t.equal(stderr.trim().split('\n').length, 1, 'one line')
    }
    const { stdout } = await here.torture('hosts', 'check', '--via', 'slurm')
    t.match(stdout, /^n1 +1\nn2 +1\n\n2 nodes; a task can have 1 CPU, an array 1001 tasks$/m)
    await refused(2, /there is no partition nope/, '--slurm-option', 'partition=nope')
    await refused(2, /sbatch says: .*time.*: see --slurm-option/, '--slurm-option', 'time=soon')
    await refused(2, /--array is given by torture itself/, '--slurm-option', 'array=0-3')
    await refused(2, /not torture's/, '--slurm-dir', '/etc')
    t.same(here.runs(), [])
  })

  t.test('a plan, and a re-run of what failed', async t => {
    const here = workspace(t)
    here.write({ 'fails.torture.ts': FAILS })
    const selected = ['-s', '3*rwsem', '-s', './fails.torture.ts']
    const { status, stderr } = await here.torture('run', ...selected, ...VIA, '--duration', '300ms')
    t.equal(status, 1, stderr)
    const verdicts = { 'rwsem.1': 'pass', 'rwsem.2': 'pass', 'rwsem.3': 'pass', 'fails.1': 'fail' }
    t.same(lastOf(here), verdicts)
    t.same([...new Set(here.summary().instances.map(({ host }) => host))].sort(), ['n1', 'n2'])
    t.match(here.read('rwsem.1/verdict.json'), { oversubscribed: true }, 'its record says so')
    t.match(here.read('fails.1/verdict.json'), { oversubscribed: false })
    t.same(runsLeft(here), [], 'nothing is left in the shared directory')
    await emptied(lab)

    const again = await here.torture('rerun', '--failed', '--reporter', 'json')
    t.equal(again.status, 1, again.stderr)
    t.same(lastOf(here), { 'fails.1': 'fail' }, 'by Slurm again, and only that')
    t.notMatch(here.summary().instances, [{ host: 'local' }])
  })
})
