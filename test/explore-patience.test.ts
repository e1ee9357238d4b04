/** A thread that spins for a while and then sleeps is in a deadlock, in what is stored of the failure, too. */
import t from 'tap'
import { workspace } from './helpers/cli.ts'

/** Nobody ever sets the flag or notifies. */
const SPINS_THEN_SLEEPS = `export default {
  name: 'sleeps', summary: 'a deadlock after a spin',
  setup: () => ({ cells: new Int32Array(new SharedArrayBuffer(16)) }),
  threads: {
    waiter: { run: ({ shared: { cells } }) => {
      for (let n = 0; n < 100; n++) if (Atomics.load(cells, 0) === 1 || Atomics.wait(cells, 1, 0, 1) === 'ok') return
      Atomics.wait(cells, 1, 0)
    } },
    other: { run: ({ shared: { cells } }) => { Atomics.add(cells, 2, 1) } },
  },
}
`

t.test('its minimised schedule ends as the one that was found', async t => {
  const { write, torture, summary } = workspace(t)
  write({ 'sleeps.mjs': SPINS_THEN_SLEEPS })
  await torture('explore', '1*./sleeps.mjs')
  const [{ message, id }] = summary().instances[0].failures
  t.equal(message, 'deadlock: waiter[0] waits on cells[1] (nobody notified it)')
  t.match((await torture('replay', id)).stdout, '✖ fails again: HANG: deadlock')
})
