/** What Slurm is told, and what its answers mean: of 22.05 as recorded, of newer versions as their schemas have it. */
import t from 'tap'
import { BatchProblem } from '../remote/carrier.ts'
import { isRefusal, parseOptions, parseSubmitted, partitionOf, sbatchArgs } from '../remote/slurm/sbatch.ts'
import { parseNodes } from '../remote/slurm/slurm.ts'
import { parseIndexes, parseQueue, reportsOf } from '../remote/slurm/squeue.ts'

const queue = (...jobs: unknown[]) => JSON.stringify({ meta: {}, errors: [], jobs })

/** As 22.05 says it. */
const OLD = {
  ...{ job_id: 2, array_job_id: 1, array_task_id: 0, array_task_string: '', name: 'torture-x.1', nodes: 'n1' },
  ...{ job_state: 'RUNNING', state_reason: 'None', exit_code: 0, restart_cnt: 0 },
}
const OLD_WAITING = {
  ...{ ...OLD, job_id: 1, array_task_id: null, array_task_string: '4-8:2,11%3', nodes: '' },
  ...{ job_state: 'PENDING', state_reason: 'Resources' },
}

/** As 23.11 and later say it. */
const set = (number: number) => ({ set: true, infinite: false, number })
const UNSET = { set: false, infinite: false, number: 0 }
const NEW = {
  ...{ ...OLD, array_job_id: set(1), array_task_id: set(0), job_state: ['RUNNING'] },
  exit_code: { status: ['SUCCESS'], return_code: set(0), signal: { id: UNSET, name: '' } },
}
const NEW_WAITING = { ...NEW, array_task_id: UNSET, array_task_string: '4-8:2,11', job_state: ['PENDING'] }

t.test('both dialects of squeue --json', async t => {
  for (const [name, running, waiting] of [
    ['22.05', OLD, OLD_WAITING],
    ['23.11', NEW, { ...NEW_WAITING, state_reason: 'Priority' }],
  ] as const) {
    const other = { ...running, array_job_id: typeof running.array_job_id === 'number' ? 0 : UNSET }
    t.same(
      parseQueue(queue(running, other, { job_id: 'what?' }, waiting)),
      [
        { array: '1', name: 'torture-x.1', indexes: [0], state: { state: 'running' } },
        { array: '1', name: 'torture-x.1', indexes: [4, 6, 8, 11], state: { state: 'waiting' } },
      ],
      name,
    )
  }
  t.throws(() => parseQueue('slurm_load_jobs error'))
  t.throws(() => parseQueue('{}'))
})

t.test('which tasks wait', async t => {
  t.same(parseIndexes('0-3,7,10-30:10%2'), [0, 1, 2, 3, 7, 10, 20, 30])
  t.equal(parseIndexes('0-3,7,...'), 'unknown')
  t.equal(parseIndexes('0x1F'), 'unknown')
  t.equal(parseIndexes('1-99999999999'), 'unknown')
  const cut = { ...OLD_WAITING, array_task_string: '1,2,...' }
  const reports = reportsOf(parseQueue(queue(OLD, cut)), new Map([['1', 4]]))
  t.same(
    reports.map(({ index, state }) => [index, state]),
    [
      [0, 'running'],
      [1, 'waiting'],
      [2, 'waiting'],
      [3, 'waiting'],
    ],
    'a list that is cut short means all that are not named otherwise',
  )
  t.same(reportsOf(parseQueue(queue(OLD)), new Map([['2', 4]])), [], "others' arrays are none of ours")
})

t.test('what a state means', async t => {
  const stateOf = (job_state: unknown, more: object = {}) => parseQueue(queue({ ...OLD, job_state, ...more }))[0].state
  t.same(stateOf('COMPLETED'), { state: 'ended' })
  t.same(stateOf('COMPLETING'), { state: 'running' }, 'it may be about to be requeued')
  t.same(stateOf(['FAILED', 'COMPLETING']), { state: 'running' })
  t.same(stateOf('CANCELLED', { state_reason: 'JobHeldUser' }), { state: 'ended', why: 'it was cancelled (node n1)' })
  t.same(stateOf(['TIMEOUT']), { state: 'ended', why: 'it hit the time limit of its job (node n1)' })
  t.match(stateOf('NODE_FAIL'), { state: 'ended', why: /its node failed/, again: true })
  t.match(stateOf('FAILED', { exit_code: 66 << 8 }), { why: /n1 does not see the directory: --slurm-dir/ })
  t.match(stateOf(['FAILED'], { exit_code: { return_code: set(69) } }), { why: /n1 has no Node.*--ship-node/ })
  t.match(stateOf('FAILED', { exit_code: 3 << 8 }), { why: 'it ended as FAILED on n1 with exit status 3' })
  const waits = (state_reason: string, job_state: unknown = 'PENDING') =>
    stateOf(job_state, { state_reason, nodes: '' })
  for (const reason of ['None', 'Priority', 'Resources', 'BeginTime', 'QOSMaxJobsPerUserLimit', 'AssocGrpCpuLimit'])
    t.same(waits(reason), { state: 'waiting' }, reason)
  t.match(waits('JobHeldUser'), { why: /held \(JobHeldUser\): scontrol release/ })
  t.match(waits('JobHeldAdmin', ['PENDING', 'REQUEUE_HOLD']), { why: /held/ })
  t.match(waits('PartitionTimeLimit'), { why: /cannot start \(PartitionTimeLimit\)/, hopeless: true })
  const down = 'Nodes required for job are DOWN'
  t.same(stateOf('PENDING', { state_reason: 'Resources', state_description: down }), {
    state: 'waiting',
    why: `it waits (${down})`,
  })
  t.match(waits('SomethingNew'), { state: 'waiting', why: 'it waits (SomethingNew)' })
})

t.test('the words after sbatch', async t => {
  const array = {
    ...{ name: 'torture-x.1', comment: 'a "b" $c', folder: '/s h/1', node: '/n', agent: '/a' },
    ...{ tasks: 9, cpus: 2, limitMs: 61_000 },
  }
  const args = sbatchArgs(array, '/tmp/task.sh', parseOptions(['partition=a b;$(c)', '--time=5', '-Aacc']))
  t.same(args.slice(-4), ['/tmp/task.sh', '/n', '/a', '/s h/1'])
  t.ok(args.includes('--partition=a b;$(c)') && args.includes('-Aacc'), 'each is one word')
  t.ok(args.includes('--array=0-8') && args.includes('--cpus-per-task=2') && args.includes('--comment=a "b" $c'))
  t.ok(args.indexOf('--time=2') < args.indexOf('--time=5'), "the user's time wins")
  t.ok(args.indexOf('--array=0-8') > args.indexOf('-Aacc'), 'ours of what is ours')
  for (const text of ['array=1', '--array=1', '-a1', '-W', 'wrap=x', '--test-only', 'cpus-per-task=3', '--', '-'])
    t.throws(() => parseOptions([text]), BatchProblem, text)
  t.equal(partitionOf(['--partition=a', '-pb'], {}), 'b', 'the last one counts')
  t.equal(partitionOf(['-A', 'x'], { SBATCH_PARTITION: 'e' }), 'e')
  t.equal(partitionOf([], {}), undefined)
  t.equal(parseSubmitted('17\n'), '17')
  t.equal(parseSubmitted('17;cluster\n'), '17')
  t.throws(() => parseSubmitted('Submitted'), BatchProblem)
  t.ok(isRefusal('Batch job submission failed: Invalid partition name specified'))
  t.notOk(isRefusal('Batch job submission failed: Unable to contact slurm controller (connect failure)'))
})

t.test('nodes', async t => {
  t.same(parseNodes('n1|1|lab*\nn2|64+|other\n\n'), [
    { node: 'n1', cpus: 1, isDefault: true },
    { node: 'n2', cpus: 64, isDefault: false },
  ])
})
