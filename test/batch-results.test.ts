/** What comes back through the shared directory, from a queue that a test plays: each job is judged once, whatever lies there. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { Batch } from '../remote/batch/batch.ts'
import type { ArrayRecord } from '../remote/batch/record.ts'
import { attemptFolder, attemptId, orderFile, parseOrder, stopFile } from '../remote/batch/spool.ts'
import { withdraw } from '../remote/batch/withdraw.ts'
import { BatchProblem, type BatchSystem, type TaskArray, type TaskState } from '../remote/carrier.ts'
import type { FleetListener } from '../remote/fleet/task.ts'
import type { PlannedInstance } from '../results/schema.ts'
import { temporaryFolder } from './helpers/folders.ts'

const instanceOf = (name: string): PlannedInstance => ({
  ...{ name, scenario: 'x', module: 'x.js', mode: 'stress', seed: 7, params: {}, threads: [], bugs: [], jitter: 'off' },
  ...{ durationMs: 100, hangAfterMs: 100, maxMemory: 0, keepGoing: false, cpus: 2, oversubscribed: false },
})

/** A guest's folder of one file. */
const ARCHIVE = gzipSync(`${JSON.stringify([{ path: 'console.log', size: 2 }])}\nhi`)
const EVIL = gzipSync(`${JSON.stringify([{ path: '../../evil', size: 2 }])}\nhi`)

interface Played {
  readonly run: Promise<void>
  readonly batch: Batch
  readonly log: string[]
  readonly arrays: TaskArray[]
  readonly cancelled: string[]
  /** What the queue says of task 0, 1, … of the first array. */
  readonly states: TaskState[]
  /** A start of a task writes its journal; without an archive it does not end. */
  start(
    index: number,
    restart: string,
    node: string,
    more?: { archive?: Buffer; sha256?: string; key?: string },
  ): string
  until(done: () => boolean): Promise<void>
}

async function play(t: { teardown(undo: () => void): unknown }, keys: readonly string[], most = 1000): Promise<Played> {
  const dir = temporaryFolder(t, 'torture-batch')
  const runDir = join(dir, 'run')
  mkdirSync(runDir)
  const log: string[] = []
  const arrays: TaskArray[] = []
  const cancelled: string[] = []
  const states: TaskState[] = keys.map(() => ({ state: 'running' }))
  const system: BatchSystem = {
    name: 'queue',
    limits: async () => ({ cpus: 1, tasks: most, nodes: new Map() }),
    check: async () => {},
    submit: async array => String(arrays.push(array)),
    find: async () => undefined,
    look: async ids => [...ids.keys()].flatMap(array => states.map((state, index) => ({ ...state, array, index }))),
    cancel: async (array, indexes) => void cancelled.push(`${array}:${indexes ?? 'all'}`),
  }
  const listener: FleetListener = {
    due: key => instanceOf(key),
    assigned: ({ id }) => log.push(`assigned ${id}`),
    started: ({ id }) => log.push(`started ${id}`),
    heard: () => {},
    examine: async ({ folder, instance }) => readFileSync(join(folder, instance.name, 'console.log'), 'utf8'),
    arrived: ({ attempt }, said) => log.push(`arrived ${attempt.key} ${attempt.host} ${said}`),
    lost: (key, why) => log.push(`lost ${key}: ${why}`),
    over: ({ id }, how) => log.push(`over ${id} ${how}`),
    host: () => {},
    shipped: () => {},
  }
  const share = { directory: dir, run: join(dir, 'shared'), node: '/node', agent: '/agent.js' }
  const limits = await system.limits()
  let saved: readonly ArrayRecord[] = []
  const save = (all: readonly ArrayRecord[]) => {
    saved = all
  }
  const batch = new Batch(system, { key: 'k', comment: 'c', limits, earlier: saved, save, share, graceMs: 1000 })
  const jobs = keys.map(key => ({ key, cpus: 2, durationMs: 100 }))
  const task = { runOn: () => '', bundle: { hash: 'h', dir }, runDir, session: '', earlier: [], oversubscribe: true }
  const run = batch.carryOut({ ...task, jobs, graceMs: 1000 }, listener)
  const until = async (done: () => boolean) => {
    while (!done()) await new Promise(resolve => setTimeout(resolve, 20))
  }
  await until(() => arrays.length > 0)
  const start: Played['start'] = (index, restart, node, { archive, sha256, key } = {}) => {
    const { folder } = arrays[0]
    const order = parseOrder(readFileSync(orderFile(folder, index), 'utf8'))
    const attempt = attemptId(order, restart, node)
    const place = attemptFolder(folder, index, restart)
    mkdirSync(place)
    if (archive !== undefined) writeFileSync(join(place, 'archive.gz'), archive)
    const hash =
      sha256 ??
      createHash('sha256')
        .update(archive ?? '')
        .digest('hex')
    const ending = { startedAt: new Date().toISOString(), elapsedMs: 1, code: 0 }
    const attempts = [{ attempt, key: key ?? order.key, state: 'running' }]
    const messages = [
      { type: 'hello', protocol: 1, bundle: '/b', attempts },
      { type: 'started', attempt },
      ...(archive ? [{ type: 'ended', attempt, ending, archive: { bytes: archive.length, sha256: hash } }] : []),
    ]
    writeFileSync(join(place, 'journal'), messages.map(message => `${JSON.stringify(message)}\n`).join(''))
    return attempt
  }
  return { run, batch, log, arrays, cancelled, states, start, until }
}

t.test('a task that was started twice: the first that ends counts, the other is asked to end', async t => {
  const { run, batch, log, arrays, cancelled, start, until } = await play(t, ['a.1', 'b.1'])
  t.match(arrays, [{ name: 'k.1', tasks: 2, cpus: 1 }])
  const first = start(0, '0', 'n1')
  await until(() => log.includes(`started ${first}`))
  const second = start(0, '1', 'n2', { archive: ARCHIVE })
  await until(() => log.includes(`over ${second} counted`))
  t.ok(log.includes('arrived a.1 n2 hi'))
  writeFileSync(join(attemptFolder(arrays[0].folder, 0, '0'), 'journal'), `{"type":"pong","n":1}\n`, { flag: 'a' })
  await until(() => log.includes(`over ${first} late`))
  // It is told of, and then asked.
  await until(() => existsSync(stopFile(arrays[0].folder, 0)))
  start(1, '0', 'n1', { archive: ARCHIVE })
  await run
  t.equal(log.filter(line => line.startsWith('arrived')).length, 2)
  await batch.bye()
  t.same(cancelled, ['1:all'], 'whatever may still wait or run')
  t.notOk(existsSync(join(arrays[0].folder, '..')), 'nothing is left')
})

t.test('nothing that lies there is believed', async t => {
  const { run, log, start, until, arrays } = await play(t, ['a.1', 'b.1', 'c.1', 'd.1', 'e.1'])
  start(0, '0', 'n1', { archive: EVIL })
  start(1, '0', 'n1', { archive: ARCHIVE, sha256: '0'.repeat(64) })
  start(2, '0', 'n1', { key: 'a.1', archive: ARCHIVE })
  start(3, '0', '../n1', { archive: ARCHIVE })
  const place = attemptFolder(arrays[0].folder, 4, '0')
  mkdirSync(place)
  symlinkSync('/etc/passwd', join(place, 'journal'))
  await until(() => log.filter(line => line.startsWith('lost')).length === 5)
  await run
  const whyOf = (key: string) => log.find(line => line.startsWith(`lost ${key}`))
  t.match(whyOf('a.1'), /refused: .*no file that a guest writes/)
  t.match(whyOf('b.1'), /refused: .*sha256/)
  t.match(whyOf('c.1'), /refused: its hello is not that of its task/)
  t.match(whyOf('d.1'), /refused: its hello is not that of its task/)
  t.match(whyOf('e.1'), /refused: a link where a file should be/)
  t.notOk(log.some(line => line.startsWith('arrived')))
})

t.test('a run that others complete: what the queue still has of it is cancelled, or it is said', async t => {
  const directory = temporaryFolder(t, 'torture-batch')
  const folder = join(directory, 'runs/k')
  mkdirSync(folder, { recursive: true })
  const cancelled: string[] = []
  const system = (refuses: string) =>
    ({
      find: async (name: string) => (name === 'k.3' ? '13' : undefined),
      cancel: async (id: string) => {
        if (id === refuses) throw new BatchProblem(3, 'scancel says: no')
        cancelled.push(id)
      },
    }) as Partial<BatchSystem> as BatchSystem
  const array = { cpus: 1, keys: ['a.1'] }
  let arrays: readonly ArrayRecord[] = [
    { name: 'k.1', ...array, id: '11', over: true },
    { name: 'k.2', ...array, id: '12' },
    { name: 'k.3', ...array },
    { name: 'k.4', ...array },
  ]
  const go = (refuses = '') =>
    withdraw(system(refuses), { key: 'k', directory, arrays: [...arrays] }, all => {
      arrays = [...all]
    })
  t.match(await go('12'), [/^job 12 cannot be cancelled, .*: scancel says: no$/])
  t.same(cancelled, ['13'], 'one whose id never came is found by its name')
  t.ok(existsSync(folder))
  t.same(await go(), [])
  t.same(cancelled, ['13', '12'])
  t.ok(arrays.every(({ over }) => over))
  t.notOk(existsSync(folder), 'nothing is left in the shared directory')
})

t.test('more instances than an array may have: more arrays', async t => {
  const { batch, arrays, until } = await play(t, ['a.1', 'b.1', 'c.1', 'd.1', 'e.1'], 2)
  await until(() => arrays.length === 3)
  t.same(
    arrays.map(({ name, tasks }) => [name, tasks]),
    [
      ['k.1', 2],
      ['k.2', 2],
      ['k.3', 1],
    ],
  )
  batch.close()
})
