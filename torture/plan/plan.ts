/** Turns what the user asked for into what is going to be done: pure, all of it data, before anything starts. */
import type { Jitter, Plan, PlannedInstance } from '../../results/schema.ts'
import type { BugDescription, ScenarioDescription } from '../bundle/manifest.ts'
import { UsageError } from '../errors.ts'
import type { ParamValue } from '../scenario.ts'
import type { Engine } from './engines.ts'
import { type ExploreRequest, explored, guestsOf } from './explore.ts'
import { hint } from './nearest.ts'
import { pack } from './pack.ts'
import { checkWishes, resolveParams, resolveThreads, type Wishes } from './params.ts'
import { deriveSeed } from './seed.ts'
import type { Selected } from './selector.ts'

/** What the flags of `run` and `explore` say, checked. */
export interface Request {
  /** Present: the deterministic scheduler takes the place of stress. */
  readonly explore?: ExploreRequest
  readonly seed: number
  readonly durationMs: number
  readonly hangAfterMs: number
  /** Bytes; 0: no limit. */
  readonly maxMemory: number
  readonly params: Wishes
  readonly threads: Wishes
  readonly bugs: readonly string[]
  readonly jitter: Jitter
  /** Stress: how long a schedule is searched after a failure, in ms; 0: not at all. */
  readonly bridgeMs?: number
  readonly keepGoing: boolean
  readonly failFast: boolean
  readonly oversubscribe: boolean
  readonly engines: readonly Engine[]
  readonly inspect: boolean
  /** CPUs that instances are packed into, and those that there are. */
  readonly cpus: number
  /** Guests of a search without a count; default: one for each CPU. */
  readonly guests?: number
  readonly hostCpus: number
}

/** A plan that has not been given a place in a results folder. */
export type PlanDraft = Omit<Plan, 'id' | 'schema'>

export type PlanBody = Pick<PlanDraft, 'seed' | 'cpus' | 'failFast' | 'instances' | 'batches'>

export const MOST_INSTANCES = 10_000
/** Somebody who looks at a stopped program is not a hang. */
const INSPECT_HANG_MS = 24 * 3_600_000
export const INSPECT_PORT = 9229

/** @throws UsageError where the request does not fit the scenarios and bugs that there are */
export function makePlan(
  request: Request,
  selected: readonly Selected<ScenarioDescription>[],
  bugs: readonly BugDescription[],
): PlanBody {
  const total = selected.reduce((sum, one) => sum + repetitions(request, one), 0) * request.engines.length
  if (total > MOST_INSTANCES) throw new UsageError(`${total} instances are more than ${MOST_INSTANCES}: split the run`)
  if (request.inspect && total !== 1) {
    throw new UsageError(`--inspect looks at one instance and ${total} are selected: select one scenario, once`)
  }
  const scenarios = selected.map(({ scenario }) => scenario)
  checkWishes(scenarios, request.params, request.threads)
  const wanted = findBugs(request.bugs, bugs, scenarios)
  const instances = selected.flatMap(one => planScenario(request, one, wanted))
  return {
    seed: request.seed,
    cpus: request.cpus,
    failFast: request.failFast,
    instances,
    batches: pack(instances, request.cpus),
  }
}

/** The bugs asked for, each of which must fit one of the scenarios. */
function findBugs(
  ids: readonly string[],
  bugs: readonly BugDescription[],
  scenarios: readonly ScenarioDescription[],
): BugDescription[] {
  return [...new Set(ids)].map(id => {
    const bug = bugs.find(known => known.id === id)
    if (bug === undefined) {
      const names = bugs.map(known => known.id)
      throw new UsageError(`there is no bug '${id}': ${hint(id, names, 'see torture list bugs')}`)
    }
    if (!bug.scenarios.some(name => scenarios.some(scenario => scenario.name === name))) {
      throw new UsageError(`bug ${id} fits none of the selected scenarios: it belongs to ${bug.scenarios.join(', ')}`)
    }
    return bug
  })
}

/** How many instances of each engine. */
function repetitions({ explore, inspect, cpus, guests }: Request, selected: Selected<ScenarioDescription>): number {
  return explore === undefined || inspect ? selected.times : guestsOf(selected, guests ?? cpus)
}

function planScenario(
  request: Request,
  selected: Selected<ScenarioDescription>,
  wanted: readonly BugDescription[],
): PlannedInstance[] {
  const { scenario, file } = selected
  const bugs = wanted.filter(bug => bug.scenarios.includes(scenario.name))
  const fixed: Record<string, ParamValue> = Object.assign({}, ...bugs.map(bug => bug.params ?? {}))
  const params = resolveParams(scenario, request.params, fixed)
  const changed = Object.entries(params).filter(([name, value]) => value !== scenario.params[name].default)
  const defaults = Object.fromEntries(changed.map(([name]) => [name, scenario.params[name].default]))
  const shared = {
    scenario: scenario.name,
    module: scenario.module,
    ...(file !== undefined && { file }),
    params,
    ...(changed.length > 0 && { defaults }),
    bugs: bugs.map(bug => bug.id),
    ...(bugs.length > 0 && { windows: bugs.map(bug => bug.site) }),
    durationMs: request.durationMs,
    hangAfterMs: request.inspect ? INSPECT_HANG_MS : request.hangAfterMs,
    maxMemory: request.maxMemory,
    keepGoing: request.keepGoing,
    ...(request.explore === undefined
      ? stressed(request, scenario, bugs)
      : explored(withModel(request.explore, bugs), scenario, request.threads)),
  }
  const numbers = Array.from({ length: repetitions(request, selected) }, (_, n) => n + 1)
  return request.engines.flatMap(engine =>
    numbers.map(n => {
      const name = `${scenario.name}${engine.label}.${n}`
      const nodeArgs = [...engine.nodeArgs, ...(request.inspect ? [`--inspect=127.0.0.1:${INSPECT_PORT}`] : [])]
      return {
        name,
        ...shared,
        ...(shared.mode === 'explore' && { explore: { ...shared.explore, sibling: n - 1 } }),
        seed: deriveSeed(request.seed, name),
        ...(engine.node !== undefined && { node: engine.node }),
        ...(nodeArgs.length > 0 && { nodeArgs }),
        ...(request.engines.length > 1 && { engine: engine.title }),
      }
    }),
  )
}

/** A bug that only weaker memory shows is looked for with that, unless the user says otherwise: `sc`, too, is a word. */
function withModel(explore: ExploreRequest, bugs: readonly BugDescription[]): ExploreRequest {
  const needed = bugs.findLast(({ memoryModel }) => memoryModel !== undefined)?.memoryModel
  return needed === undefined ? explore : { ...explore, memoryModel: explore.memoryModel ?? needed }
}

/** What makes it a stress instance: real parallel threads, one CPU for each if the budget has them. */
function stressed(request: Request, scenario: ScenarioDescription, bugs: readonly BugDescription[]) {
  const threads = resolveThreads(scenario, request.threads, request.cpus)
  const cpus = threads.reduce((sum, { count }) => sum + count, 0)
  const most = Math.min(request.cpus, request.hostCpus)
  const oversubscribed = cpus > most
  if (oversubscribed && !request.oversubscribe) {
    throw new UsageError(
      `${scenario.name}: ${cpus} threads do not fit ${most === 1 ? '1 CPU' : `${most} CPUs`}: lower --threads, or leave out --no-oversubscribe`,
    )
  }
  const jitter = bugs.findLast(bug => bug.jitter !== undefined)?.jitter ?? request.jitter
  // Somebody who debugs has the failure before his eyes.
  const bridgeMs = request.inspect ? 0 : (request.bridgeMs ?? 0)
  return { mode: 'stress' as const, threads, jitter, cpus, oversubscribed, ...(bridgeMs > 0 && { bridgeMs }) }
}
