/** The plan of `torture bugs`: every bug several times, by stress or by search, and beside it the code without the bug. */
import type { PlannedInstance } from '../../results/schema.ts'
import type { BugDescription, ScenarioDescription } from '../bundle/manifest.ts'
import { UsageError } from '../errors.ts'
import type { Hardness } from '../scenario.ts'
import { engines } from './engines.ts'
import { PLAIN_SEARCH } from './explore.ts'
import { hint } from './nearest.ts'
import { pack } from './pack.ts'
import { makePlan, type PlanBody, type Request } from './plan.ts'
import { deriveSeed } from './seed.ts'

export interface BugsRequest extends Pick<Request, 'seed' | 'hangAfterMs' | 'maxMemory' | 'cpus' | 'hostCpus'> {
  /** Tries of each bug, each with a seed of its own. */
  readonly times: number
  /** Of a try by stress, and of one by search: most that it may take. */
  readonly durationMs: number
  readonly budgetMs: number
  /** Which way; undefined: by what the bug needs, stress or (X) search. */
  readonly mode?: 'stress' | 'explore' | undefined
  /** How many of the tries, from the first on, have a control. */
  readonly controls: number
}

/** The least that a control lasts. */
export const CONTROL_MS = 1000

/**
 * The bugs that are meant: those named, or all, of these degrees of hardness.
 * @throws UsageError where an id means no bug, or nothing is left
 */
export function chooseBugs(
  bugs: readonly BugDescription[],
  ids: readonly string[],
  hardness: readonly Hardness[],
): BugDescription[] {
  const known = bugs.map(({ id }) => id)
  for (const id of ids) {
    if (!known.includes(id))
      throw new UsageError(`there is no bug '${id}': ${hint(id, known, 'see torture list bugs')}`)
  }
  const named = bugs.filter(({ id }) => ids.length === 0 || ids.includes(id))
  const chosen = named.filter(bug => hardness.includes(bug.hardness))
  if (chosen.length > 0) return chosen
  const which = ids.length === 0 ? 'there are no bugs' : `${ids.join(', ')}: none is`
  throw new UsageError(`${which} of hardness ${hardness.join(', ')}: see torture list bugs`)
}

/** What stress cannot be expected to find is not tried by it. */
export const isTried = ({ hardness }: BugDescription, { mode }: Pick<BugsRequest, 'mode'>): boolean =>
  mode !== 'stress' || hardness !== 'X'

/** @throws UsageError where nothing is left to try, or a bug does not fit the scenarios */
export function makeBugsPlan(
  request: BugsRequest,
  bugs: readonly BugDescription[],
  scenarios: readonly ScenarioDescription[],
): PlanBody {
  const tried = bugs.filter(bug => isTried(bug, request))
  if (tried.length === 0)
    throw new UsageError(`${bugs.map(({ id }) => id).join(', ')}: found by exploring only: leave out --mode stress`)
  // Bug by bug, so that what a try took is known before its control starts, and results come in the table's order.
  const planned = tried.map(bug => {
    const tries = triesOf(request, bug, scenarios)
    return [tries, tries.slice(0, request.controls).map(controlOf)]
  })
  return {
    seed: request.seed,
    cpus: request.cpus,
    failFast: false,
    instances: planned.flat(2),
    batches: planned.flat().flatMap(instances => pack(instances, request.cpus)),
  }
}

function triesOf(
  request: BugsRequest,
  bug: BugDescription,
  scenarios: readonly ScenarioDescription[],
): PlannedInstance[] {
  const { id, hardness, oracle: oracles } = bug
  const [shown] = bug.scenarios
  const scenario = scenarios.find(({ name }) => name === shown)
  if (scenario === undefined) throw new UsageError(`bug ${id} belongs to ${shown}, and there is no such scenario`)
  const explores = request.mode === 'explore' || hardness === 'X'
  const { instances } = makePlan(
    {
      ...request,
      ...(explores && { explore: PLAIN_SEARCH }),
      durationMs: explores ? request.budgetMs : request.durationMs,
      bugs: [id],
      jitter: 'low',
      params: new Map(),
      threads: new Map(),
      keepGoing: false,
      failFast: false,
      oversubscribe: true,
      engines: engines(['default'], []),
      inspect: false,
    },
    [{ scenario, times: request.times, counted: true }],
    [bug],
  )
  return instances.map((instance, n) => {
    const name = `${id}.${n + 1}`
    return { ...instance, name, seed: deriveSeed(request.seed, name), trial: { bug: id, hardness, oracles } }
  })
}

/** The same without the bug, seed and delays included. Lasts longer than this if its try did. */
function controlOf({ windows: _, ...tried }: PlannedInstance, n: number): PlannedInstance {
  const { bug } = tried.trial!
  return {
    ...tried,
    name: `${bug}.clean.${n + 1}`,
    bugs: [],
    durationMs: Math.min(CONTROL_MS, tried.durationMs),
    trial: { ...tried.trial!, control: tried.name },
  }
}
