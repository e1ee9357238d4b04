/** After a failure under stress, `torture run` searches a schedule that repeats it. */
import t from 'tap'
import { workspace } from './helpers/cli.ts'

/** Real threads lose an update in every round: each waits until both have read. */
const ALWAYS = `export default {
  name: 'loses', summary: 'two threads add one without a lock, after a meeting',
  setup: () => ({ cells: new Int32Array(new SharedArrayBuffer(8)) }),
  threads: { adder: { count: 2, run: ({ shared: { cells } }) => {
    const value = Atomics.load(cells, 0)
    Atomics.add(cells, 1, 1)
    while (Atomics.load(cells, 1) < 2);
    Atomics.store(cells, 0, value + 1)
  } } },
  check: ({ shared: { cells } }) => { if (cells[0] !== 2) throw new Error('no update is lost') },
}
`

/**
 * Plain accesses, which only real threads interleave. In a second there are some thousand rounds, in each of which
 * thousands of increments overlap: that none is lost is out of the question even where there is one CPU.
 */
const PLAIN = `export default {
  name: 'plain', summary: 'two threads add without Atomics',
  setup: () => ({ cells: new Int32Array(new SharedArrayBuffer(8)) }),
  threads: { adder: { count: 2, run: ({ shared: { cells } }) => {
    Atomics.add(cells, 1, 1)
    for (let n = 0; n < 5000; n++) cells[0]++
  } } },
  check: ({ shared: { cells } }) => { if (cells[0] !== 10_000) throw new Error('no update is lost') },
}
`

t.test('a failure under stress is searched for under explore', async t => {
  const { write, torture, summary } = workspace(t)
  write({ 'loses.mjs': ALWAYS })
  const { status, stdout } = await torture('run', './loses.mjs', '--duration', '5s', '--bridge', '20s')
  t.equal(status, 1)
  const [{ bridge, verdict, failures }] = summary().instances
  t.equal(verdict, 'fail')
  t.notOk('schedule' in failures[0], 'the stress failure itself has none')
  t.match(bridge, { found: true, replay: 'loses.1/bridge/failures/1', sentence: /^found again by explore after/ })
  t.match(stdout, `loses.1/bridge: ${bridge!.sentence}`)
  t.match(stdout, `  bridge   ${bridge!.sentence}`)
  t.match(stdout, /^next {7}torture replay loses\.1\/bridge\/failures\/1/m)
  t.equal((await torture('replay', 'loses.1/bridge/failures/1')).status, 1)
  const without = await torture('run', './loses.mjs', '--duration', '5s', '--bridge', '0')
  t.notMatch(without.stdout, 'bridge')
})

t.test('what real threads do and sequential consistency does not is said', async t => {
  const { write, torture, summary } = workspace(t)
  write({ 'plain.mjs': PLAIN })
  await torture('run', './plain.mjs', '--duration', '10s', '--bridge', '500ms')
  t.match(summary().instances[0].bridge, {
    found: false,
    sentence: /^not found under sequential consistency in \d+ executions/,
  })
})
