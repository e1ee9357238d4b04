/** Thread 0 only: runs `setup` and sends what it returned to the main thread. */
import type { MessagePort } from 'node:worker_threads'
import { siteNames } from '../../../lib/shm/sites.ts'
import type { Scenario } from '../../scenario.ts'
import { MINE, STATE, threadBase } from '../control.ts'
import { readyHistory } from '../history/history.ts'
import type { FromThread, Stay } from '../messages.ts'
import { STREAM, Xoshiro } from '../random.ts'
import { faultOf, type Reporter } from '../report/report.ts'
import { refuseUnshareable } from '../shared.ts'
import { outcomesOf } from './outcomes.ts'
import { countsOf } from './participant.ts'

/** @returns what `setup` returned, as an only property; undefined if it failed, which has been reported */
export function setUp(
  stay: Stay,
  scenario: Scenario,
  reporter: Reporter,
  port: MessagePort,
): { readonly shared: unknown } | undefined {
  const { instance, control } = stay
  Atomics.store(control.words, threadBase(0) + MINE.state, STATE.setup)
  try {
    const random = new Xoshiro(instance.seed, STREAM.setup, 0)
    const shared = scenario.setup({ params: instance.params, threads: countsOf(instance), random })
    refuseUnshareable(shared)
    const outcomes = outcomesOf(scenario, instance)
    const { observes } = scenario
    port.postMessage({
      type: 'ready',
      shared,
      sites: siteNames(),
      roundMs: scenario.roundMs ?? 1000,
      asks: scenario.inconclusive !== undefined,
      ...(outcomes && { listed: { outcomes, ...(observes && { observes }) } }),
      ...(scenario.history && { history: readyHistory(scenario.history, instance) }),
    } satisfies FromThread)
    return { shared }
  } catch (error) {
    reporter.fail({ ...faultOf(error, 'setup'), oracle: 'setup', thread: 'setup', round: 0, fatal: true })
    return undefined
  }
}
