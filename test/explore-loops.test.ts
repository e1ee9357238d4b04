/** Loops that threads leave in ways which are easy to overlook: what follows is explored at every moment. */
import t, { type Test } from 'tap'
import { workspace } from './helpers/cli.ts'

t.jobs = 2

const scenario = (threads: string) => `
export default {
  name: 'x', summary: 'for a test', setup: () => ({ cells: new Int32Array(new SharedArrayBuffer(64)) }),
  threads: { ${threads} },
}
`

/** The reduction finds it, or proves that there is nothing to be found. Chance does not find it. */
async function reduced(t: Test, code: string): Promise<void> {
  const { write, torture, summary } = workspace(t)
  write({ 'x.mjs': code })
  const { status } = await torture('explore', '1*./x.mjs', '--seed', '6', '--budget', '60s', '--strategy', 'dpor')
  t.equal(status, 1)
  t.equal(summary().instances[0].exploration!.certificate, undefined)
}

/** Who has looked in vain goes on when any of the bytes has changed that it looked at, and so before what comes after. */
const TWO_SIZES = scenario(`
  setter: { run: ({ shared: { cells } }) => {
    Atomics.store(new Int8Array(cells.buffer), 1, 1)
    for (const value of [1, 0]) Atomics.store(cells, 1, value)
  } },
  spinner: { run: ({ shared: { cells }, fail }) => {
    const bytes = new Int8Array(cells.buffer)
    let rounds = 0
    for (; Atomics.load(cells, 0) === 0; rounds++) Atomics.load(bytes, 0)
    if (rounds > 0 && Atomics.load(cells, 1) === 1) fail('seen between')
  } }`)

t.test('a loop that looks at one address with two sizes', { buffered: true }, t => reduced(t, TWO_SIZES))

/** What ends the loop is an operation as those of the loop are. Then the threads must go in step, which chance rarely does. */
const BY_FORCE = scenario(`
  owner: { run: ({ shared: { cells } }) => {
    for (let value = 1; value < 10; value++) Atomics.store(cells, 1, value)
    Atomics.store(cells, 0, 1)
  } },
  taker: { run: ({ shared: { cells }, fail }) => {
    for (let n = 0; n < 5; n++) if (Atomics.compareExchange(cells, 0, 1, 2) === 1) return
    if (Atomics.compareExchange(cells, 0, 0, 2) !== 0) return
    for (let value = 2; value < 9; value++) if (Atomics.load(cells, 1) !== value) return
    fail('took it at the wrong moment')
  } }`)

t.test('a loop that gives up and then does the same to better effect', { buffered: true }, t => reduced(t, BY_FORCE))
