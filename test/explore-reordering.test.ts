/** With a weaker memory model one reordering of many can be the one that matters. */
import t from 'tap'
import { workspace } from './helpers/cli.ts'

/** Of ten versions one is announced by a plain store: one moment of many, and a reader that takes its time. */
const PUBLISH = (order: string) => `export default {
  name: 'publish', summary: 'ten versions are announced',
  setup: () => ({ cells: new Int32Array(new SharedArrayBuffer(64)) }),
  threads: {
    writer: { count: 1, run: ({ shared: { cells } }) => {
      for (let n = 1; n <= 10; n++) {
        for (let at = 2; at < 10; at++) Atomics.store(cells, at, n, 'relaxed')
        Atomics.store(cells, 0, n, n === 7 ? '${order}' : 'release')
        Atomics.add(cells, 1, 1)
      }
    } },
    reader: { count: 1, run: ({ shared: { cells }, fail }) => {
      for (let n = 0; n < 3; n++) {
        Atomics.add(cells, 1, 1)
        const version = Atomics.load(cells, 0)
        for (let at = 2; at < 10; at++) if (Atomics.load(cells, at) < version) fail('announced, and not there')
      }
    } },
  },
}
`

t.test('the one reordering that matters is found, and replayed', async t => {
  const { write, torture } = workspace(t)
  write({ 'wrong.mjs': PUBLISH('relaxed'), 'right.mjs': PUBLISH('release') })
  const search = (file: string, model: string, executions: string) =>
    torture('explore', `1*./${file}`, '--memory-model', model, '--seed', '1', '--executions', executions)
  t.equal((await search('wrong.mjs', 'pso', '3000')).status, 1)
  t.match((await torture('replay', 'publish.1/failures/1', '--times', '3')).stdout, 'fails again, 3 of 3 times')
  t.equal((await search('wrong.mjs', 'tso', '500')).status, 0)
  t.equal((await search('right.mjs', 'pso', '500')).status, 0)
})
