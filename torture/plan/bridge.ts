/** The bridge: after a failure under stress, a search for a schedule that fails in the same way. Pure. */
import type { Bridge, ExploreOptions, InstanceResult, PlannedInstance, Trace } from '../../results/schema.ts'
import { MOST_ACTORS } from '../explore/schedule/board.ts'
import { EXPLORE } from './explore.ts'

/** The folder of the search below that of the instance. */
export const BRIDGE = 'bridge'

const MOST_SITES = 32

/** The search, in the place of the instance; undefined where there is none to be had. */
export function planBridge(
  instance: PlannedInstance,
  hint: NonNullable<ExploreOptions['hint']>,
): PlannedInstance | undefined {
  const { bridgeMs = 0, windows: _, ...rest } = instance
  const threads = instance.threads.reduce((sum, { count }) => sum + count, 0)
  if (instance.mode !== 'stress' || bridgeMs === 0 || threads > MOST_ACTORS) return undefined
  return {
    ...rest,
    name: BRIDGE,
    mode: 'explore',
    explore: { ...EXPLORE, hint },
    jitter: 'off',
    durationMs: bridgeMs,
    keepGoing: false,
    cpus: 1,
    oversubscribed: false,
  }
}

/** Where the threads were last, from what their flight recorders hold. */
export function hintOf(round: number, trace: Trace | undefined): NonNullable<ExploreOptions['hint']> {
  const newestFirst = (trace?.entries ?? []).map(({ site }) => site).reverse()
  return { round, sites: [...new Set(newestFirst)].slice(0, MOST_SITES) }
}

/** What the search says about the failure under stress. */
export function bridgeOf(under: InstanceResult, found: InstanceResult): Bridge {
  const executions = found.rounds
  const [failure] = found.failures
  const tried = `${executions} execution${executions === 1 ? '' : 's'}`
  if (failure?.schedule === undefined) return { executions, found: false, sentence: notFound(found, tried) }
  const same = under.failures.some(({ oracle }) => oracle === failure.oracle)
  const what = same ? 'found again' : `another failure (${failure.oracle}: ${failure.message}) found`
  return {
    executions,
    found: same,
    schedule: failure.schedule,
    replay: `${under.name}/${failure.id}`,
    sentence: `${what} by explore after ${tried}: ${failure.schedule}`,
  }
}

function notFound({ verdict, reason, exploration, failures }: InstanceResult, tried: string): string {
  if (failures.length > 0)
    return `explore fails as well, and not by a schedule: ${failures[0].oracle}: ${failures[0].message}`
  if (verdict !== 'pass' && verdict !== 'inconclusive')
    return `the search for a schedule ended early: ${reason ?? verdict}`
  const unsure = verdict === 'inconclusive' ? `; ${reason}` : ''
  const proved = exploration?.certificate === undefined ? '' : `, which are all there are: ${exploration.certificate}`
  return `not found under sequential consistency in ${tried}${proved}${unsure}`
}
