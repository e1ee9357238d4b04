/** A violation from the command: found by explore, made small, replayed, emitted as a test, re-run; and as data. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { explore } from '../torture/api.ts'
import { workspace } from './helpers/cli.ts'

/** A counter in two parts: each thread sees the parts change in an order that they never had. All threads agree on it. */
const SHARDED = `
  import { models } from 'torture/lib'
  export default {
    name: 'sharded', summary: 'a counter in two parts',
    setup: () => ({ cells: new Int32Array(new SharedArrayBuffer(8)) }),
    history: { model: models.counter() },
    threads: {
      adder: { count: 2, run: ({ shared: { cells }, index, call, ret }) => {
        call('add', 1 + index)
        Atomics.add(cells, index, 1 + index)
        ret()
      } },
      reader: { run: ({ shared: { cells }, call, ret }) => {
        call('read')
        ret(Atomics.load(cells, 0) + Atomics.load(cells, 1))
      } },
    },
  }`
/** A model of its own, that depends on a parameter; a register that is what it says. */
const OWN = `
  const latch = capacity => ({
    name: 'a latch', operations: ['open', 'isOpen'], initial: capacity,
    apply: (state, { operation }) =>
      operation === 'open' ? { state: Math.max(0, state - 1) } : { state, returns: state === 0 },
  })
  export default {
    name: 'own', summary: 'a model of its own',
    params: { count: { default: 2, describe: 'calls that open it' } },
    setup: ({ params }) => {
      const cells = new Int32Array(new SharedArrayBuffer(4))
      cells[0] = params.count
      return cells
    },
    history: { model: ({ params }) => latch(params.count) },
    threads: {
      opener: { count: 2, run: ({ shared, call, ret }) => { call('open'); Atomics.sub(shared, 0, 1); ret() } },
      reader: { run: ({ shared, call, ret }) => { call('isOpen'); ret(Atomics.load(shared, 0) === 0) } },
    },
  }`

t.test('a history that is not linearizable', async t => {
  const { dir, write, torture, summary } = workspace(t)
  write({ 'sharded.mjs': SHARDED })
  const found = await torture(
    'explore',
    './sharded.mjs',
    '--budget',
    '20s',
    '--emit',
    'sharded.test.mjs',
    '--cpus',
    '1',
  )
  t.equal(found.status, 1, found.stderr)
  t.match(found.stdout, /LIN +not linearizable as a counter\n/)
  t.match(found.stdout, /reader\[0\]\n.*┌ add\(1\)/, 'drawn: threads are columns')
  t.match(found.stdout, /reader\[0\] read\(\) → 2: there it would have returned [13]\n/)
  const [failure] = summary().instances.flatMap(({ failures }) => failures)
  t.match(failure, { oracle: 'LIN', message: /^not linearizable as a counter ┆ adder\[0\] add\(1\) ┆ / })
  const stored = JSON.parse(
    readFileSync(join(dir, 'torture-results', summary().id, failure.id, 'failure.json'), 'utf8'),
  )
  t.same(stored.details.order.length, 2)
  // Of the one order of the calls that no reader may see, the shortest schedule.
  t.equal(stored.schedule.replace(/\d/g, '').length, 4, stored.schedule)

  const again = await torture('replay', failure.id)
  t.equal(again.status, 1)
  t.match(again.stdout, /fails again/)

  const emitted = await new Promise<{ code: unknown; stdout: string }>(resolve => {
    execFile(process.execPath, ['--test', join(dir, 'sharded.test.mjs')], { cwd: dir }, (error, stdout) =>
      resolve({ code: error?.code, stdout }),
    )
  })
  t.equal(emitted.code, 1)
  t.match(emitted.stdout, /LIN in history: not linearizable as a counter/)

  const rerun = await torture('rerun', '--failed')
  t.equal(rerun.status, 1)
  t.match(rerun.stdout, /LIN/)
})

t.test('one that is, explored in full: as data', async t => {
  const { dir, write } = workspace(t)
  write({ 'own.mjs': OWN })
  const options = { budget: '20s', cpus: 1, results: join(dir, 'results') } as const
  const { verdict, instances } = await explore(join(dir, 'own.mjs'), options)
  t.equal(verdict, 'pass')
  t.match(instances[0].exploration?.certificate, /all \d+ classes of interleavings explored/)
  t.match(instances[0].counters, { 'histories: calls': 3 * instances[0].counters.histories })
})

t.test('a bug of the library is named by what its calls returned', async t => {
  const { torture, summary } = workspace(t)
  const search = ['--bug', 'chase-lev-last-unguarded', '--seed', '1', '--budget', '20s', '--cpus', '1']
  const { status, stderr } = await torture('explore', 'chase-lev-history', ...search)
  t.equal(status, 1, stderr)
  const [{ oracle, message, history }] = summary().instances.flatMap(({ failures }) => failures)
  t.equal(oracle, 'LIN')
  t.match(message, /^not linearizable as a deque with thieves ┆ /)
  t.match(history?.[0], /^owner\[0\] +thief\[0\]/)
})

t.test('a model that is none', async t => {
  const { write, torture } = workspace(t)
  write({ 'own.mjs': OWN.replace('latch(params.count)', '({ name: 1 })') })
  const { status, stdout } = await torture('run', './own.mjs', '--duration', '1s', '--bridge', '0')
  t.equal(status, 1)
  t.match(stdout, /history.model.name must be a string/)
})
