/** Turns what the user asked for into what is going to be done: pure, all of it data, before anything starts. */
import type { Jitter, Plan, PlannedInstance } from '../../results/schema.ts'
import type { BugDescription, ScenarioDescription } from '../bundle/manifest.ts'
import { UsageError } from '../errors.ts'
import type { ParamValue } from '../scenario.ts'
import type { Engine } from './engines.ts'
import { hint } from './nearest.ts'
import { pack } from './pack.ts'
import { checkWishes, resolveParams, resolveThreads, type Wishes } from './params.ts'
import { deriveSeed } from './seed.ts'
import type { Selected } from './selector.ts'

/** What the flags of `run` say, checked. */
export interface Request {
  readonly seed: number
  readonly durationMs: number
  readonly hangAfterMs: number
  /** Bytes; 0: no limit. */
  readonly maxMemory: number
  readonly params: Wishes
  readonly threads: Wishes
  readonly bugs: readonly string[]
  readonly jitter: Jitter
  readonly keepGoing: boolean
  readonly failFast: boolean
  readonly oversubscribe: boolean
  readonly engines: readonly Engine[]
  readonly inspect: boolean
  /** CPUs that instances are packed into, and those that there are. */
  readonly cpus: number
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
  const total = selected.reduce((sum, { times }) => sum + times, 0) * request.engines.length
  if (total > MOST_INSTANCES) throw new UsageError(`${total} instances are more than ${MOST_INSTANCES}: split the run`)
  if (request.inspect && total !== 1) {
    throw new UsageError(`--inspect looks at one instance and ${total} are selected: select one scenario, once`)
  }
  const scenarios = selected.map(({ scenario }) => scenario)
  checkWishes(scenarios, request.params, request.threads)
  const wanted = findBugs(request.bugs, bugs, scenarios)
  const instances = selected.flatMap(({ scenario, times }) => planScenario(request, scenario, times, wanted))
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

function planScenario(
  request: Request,
  scenario: ScenarioDescription,
  times: number,
  wanted: readonly BugDescription[],
): PlannedInstance[] {
  const bugs = wanted.filter(bug => bug.scenarios.includes(scenario.name))
  const threads = resolveThreads(scenario, request.threads, request.cpus)
  const cpus = threads.reduce((sum, { count }) => sum + count, 0)
  const oversubscribed = cpus > Math.min(request.cpus, request.hostCpus)
  if (oversubscribed && !request.oversubscribe) {
    const most = Math.min(request.cpus, request.hostCpus)
    throw new UsageError(
      `${scenario.name}: ${cpus} threads do not fit ${most === 1 ? '1 CPU' : `${most} CPUs`}: lower --threads, or leave out --no-oversubscribe`,
    )
  }
  const fixed: Record<string, ParamValue> = Object.assign({}, ...bugs.map(bug => bug.params ?? {}))
  const params = resolveParams(scenario, request.params, fixed)
  const changed = Object.entries(params).filter(([name, value]) => value !== scenario.params[name].default)
  const defaults = Object.fromEntries(changed.map(([name]) => [name, scenario.params[name].default]))
  const shared = {
    scenario: scenario.name,
    module: scenario.module,
    mode: 'stress' as const,
    params,
    ...(changed.length > 0 && { defaults }),
    threads,
    bugs: bugs.map(bug => bug.id),
    ...(bugs.length > 0 && { windows: bugs.map(bug => bug.site) }),
    jitter: bugs.findLast(bug => bug.jitter !== undefined)?.jitter ?? request.jitter,
    durationMs: request.durationMs,
    hangAfterMs: request.inspect ? INSPECT_HANG_MS : request.hangAfterMs,
    maxMemory: request.maxMemory,
    keepGoing: request.keepGoing,
    cpus,
    oversubscribed,
  }
  const numbers = Array.from({ length: times }, (_, n) => n + 1)
  return request.engines.flatMap(engine =>
    numbers.map(n => {
      const name = `${scenario.name}${engine.label}.${n}`
      const nodeArgs = [...engine.nodeArgs, ...(request.inspect ? [`--inspect=127.0.0.1:${INSPECT_PORT}`] : [])]
      return {
        name,
        ...shared,
        seed: deriveSeed(request.seed, name),
        ...(engine.node !== undefined && { node: engine.node }),
        ...(nodeArgs.length > 0 && { nodeArgs }),
      }
    }),
  )
}
