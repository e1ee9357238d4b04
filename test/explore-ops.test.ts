/** How often `more()` says yes is part of a schedule. */
import t from 'tap'
import { workspace } from './helpers/cli.ts'

const COUNTS = `export default {
  name: 'counts', summary: 'fails whatever is done',
  setup: () => ({ cells: new Int32Array(new SharedArrayBuffer(4)) }),
  threads: { adder: { count: 2, run: ({ more, shared: { cells } }) => { while (more()) Atomics.add(cells, 0, 1) } } },
  check: ({ shared: { cells } }) => { throw new Error('sum ' + cells[0]) },
}
`

t.test('a failure that takes no calls at all: its schedule says so, and what is shown is of it', async t => {
  const { write, torture, summary } = workspace(t)
  write({ 'counts.mjs': COUNTS })
  const { stdout } = await torture('explore', '1*./counts.mjs')
  const [{ schedule, message, id }] = summary().instances[0].failures
  t.equal(schedule, 'o0,0.ab')
  t.equal(message, 'sum 0', stdout)
  t.match((await torture('replay', id)).stdout, '✖ fails again: check: sum 0')
})
