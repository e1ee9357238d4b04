/** Bugs of ordering are found with store buffers, and only so; programs that order enough are clean in every model. */
import t from 'tap'
import { workspace } from './helpers/cli.ts'

/** Exit status by model, in so many executions. A bad twin is found by one in ten at least: 0.9^300 < 1e-13. */
const EXECUTIONS = '300'
const EXPECTED = {
  'message-passing': { sc: 0, tso: 0, pso: 0 },
  'message-passing-bad': { sc: 0, tso: 0, pso: 1 },
  'last-user': { pso: 0 },
  'last-user-bad': { pso: 1 },
  'futex-barrier': { sc: 0, tso: 0, pso: 0 },
  'futex-barrier-bad': { sc: 0, tso: 1, pso: 1 },
} as const

for (const [name, models] of Object.entries(EXPECTED)) {
  t.test(name, async t => {
    const { torture, summary } = workspace(t)
    for (const [model, status] of Object.entries(models)) {
      const { status: exit, stdout } = await torture(
        'explore',
        name,
        '--memory-model',
        model,
        '--executions',
        EXECUTIONS,
        '--cpus',
        '1',
      )
      t.equal(exit, status, model, { stdout })
      const [instance] = summary().instances
      if (model === 'sc') t.match(stdout, /nothing left to explore/, 'all interleavings were tried')
      if (status === 0) continue
      const replayed = await torture('replay', `${instance.name}/failures/1`)
      t.equal(replayed.status, 1, 'it fails again by its schedule')
    }
  })
}
