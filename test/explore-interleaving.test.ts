/** What is kept of a long execution, and what is said of the rest. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Interleaving } from '../results/schema.ts'
import { workspace } from './helpers/cli.ts'

t.jobs = 2

const stored = ({ dir, runs }: ReturnType<typeof workspace>, id: string): Interleaving =>
  JSON.parse(readFileSync(join(dir, 'torture-results', runs().at(-1)!, id, 'interleaving.json'), 'utf8'))

t.test('of a long execution the last steps are stored, each with its values and its place', async t => {
  const space = workspace(t)
  space.write({
    'long.mjs': `export default {
  name: 'long', summary: 'fails after many steps',
  setup: () => ({ cells: new BigUint64Array(new SharedArrayBuffer(16)) }),
  threads: {
    adder: { count: 1, run: ({ shared: { cells } }) => {
      for (let n = 0; n < 25_000; n++) Atomics.sub(cells, 0, 1n)
      throw new Error('too many')
    } },
    looker: { count: 1, run: ({ shared: { cells } }) => { Atomics.load(cells, 0) } },
  },
}
`,
  })
  t.equal((await space.torture('explore', '1*./long.mjs', '--seed', '1')).status, 1)
  const { stdout } = await space.torture('replay', 'long.1/failures/1', '--trace')
  t.match(stdout, 'the first 5.00 k steps are not stored')
  const { steps } = stored(space, 'long.1/failures/1')
  t.match(steps[0], { step: 5001, op: 'sub', at: 'long.mjs:6:48' })
  t.equal(steps.length, 20_000)
  t.equal(steps.filter(({ at }) => at === 'long.mjs:6:48').length, 20_000)
  t.equal(steps.at(-1)!.wrote, String(2n ** 64n - 25_000n), 'in full')
})

t.test('of a livelock its beginning is stored, however long it was waited for its end', async t => {
  const space = workspace(t)
  const { status } = await space.torture('explore', '1*dekker-bad', '--seed', '1')
  t.equal(status, 1)
  const { stdout } = await space.torture('replay', 'dekker-bad.1/failures/1', '--trace')
  t.match(stdout, '✖ fails again')
  t.match(stdout, /^ +0 +begins$/m)
  t.match(stdout, /store wants\[0\] ← 1 .*dekker\.ts:/)
  t.match(stdout, /^ +and so on for [\d.]+ k further steps$/m)
})
