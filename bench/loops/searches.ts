/**
 * Searches for one bug, one after the other with other seeds, each until its first failure: the explorer's own search,
 * with threads of its own, so that nothing is left of the one before. What comes after a failure, its verification and
 * the minimiser, is left out.
 */
import { workerData } from 'node:worker_threads'
import type { ExploreOptions, PlannedInstance } from '../../results/schema.ts'
import type { ExecutionOptions, Outcome } from '../../torture/explore/execution.ts'
import { takePart } from '../../torture/explore/part.ts'
import { search } from '../../torture/explore/search/search.ts'
import { host } from '../../torture/explore/standalone/host.ts'
import { makeStrategies, PLACE } from '../../torture/explore/strategies/index.ts'
import type { Tools } from '../../torture/explore/tools.ts'
import { loadScenario } from '../../torture/guest/load.ts'
import type { FromThread, Stay } from '../../torture/guest/messages.ts'

export interface Searches {
  /** But for its seed. */
  readonly instance: PlannedInstance
  /** From 1. */
  readonly seeds: number
  readonly limits: { readonly executions: number; readonly cpuMs: number }
}

/** Until the first failure, that one included, or the end of the search. */
export interface Searched {
  readonly found: boolean
  readonly executions: number
  /** CPU time of the process: its threads take turns, so on a quiet machine it is what a clock says. */
  readonly cpuMs: number
}

interface Told extends Searched {
  readonly type: 'searched'
}

/** What a thread is given. */
interface Part {
  readonly torture: { readonly stay: Stay }
  readonly limits: Searches['limits']
}

/** Writes a line for each seed. */
async function searchAll({ instance, seeds, limits }: Searches): Promise<void> {
  let missed = 0
  for (let seed = 1; seed <= seeds; seed++) {
    const { found, executions, cpuMs } = await searchOnce({ ...instance, seed }, limits)
    process.stdout.write(`${JSON.stringify({ found, executions, cpuMs } satisfies Searched)}\n`)
    // The median is known to be beyond the limits then.
    if (!found && 2 * ++missed > seeds) return
  }
}

const searchOnce = (instance: PlannedInstance, limits: Searches['limits']): Promise<Searched> =>
  host({ file: new URL(import.meta.url), instance, data: { limits } }, isTold)

const isTold = (message: FromThread | Told): message is Told => message.type === 'searched'

/** Thrown out of the search to end it. */
class Over extends Error {}

/** Counts what the search does until an execution fails, and ends it there. */
async function untilFailure(tools: Tools, limits: Searches['limits']): Promise<Told> {
  const { execution, stay } = tools
  const counts = countedPlaces(stay.instance.explore!.strategy)
  const run = execution.run.bind(execution)
  let executions = 0
  let from = cpuMs()
  let found = false
  /** The schedule of an execution, done once more, is none of the search's. */
  const isCounted = ({ strategy }: ExecutionOptions) =>
    counts.has(strategy) || (counts.size === 0 && !repeats(strategy))
  const repeats = (place: number) => place === PLACE.replay && executions > 0
  const took = (outcome: Outcome): Outcome => {
    executions++
    found = outcome.fault !== undefined
    if (found || executions >= limits.executions || (executions % 16 === 0 && cpuMs() - from > limits.cpuMs))
      throw new Over()
    return outcome
  }
  execution.run = options => {
    if (!isCounted(options)) return without(run(options))
    if (executions === 0) from = cpuMs()
    const running = run(options)
    return running instanceof Promise ? running.then(took) : running && took(running)
  }
  try {
    await search(tools)
  } catch (error) {
    if (!(error instanceof Over)) throw error
  }
  return { type: 'searched', found, executions, cpuMs: cpuMs() - from }
}

/**
 * A strategy by itself: its own executions. Each search begins with some random ones to learn from, which would make all
 * strategies alike; what they find does not count, unless it is the random walk that is looked at. The portfolio: all.
 */
function countedPlaces(strategy: ExploreOptions['strategy']): ReadonlySet<number> {
  if (strategy === 'portfolio') return new Set()
  return new Set(strategy === 'pct' ? [PLACE.pct2, PLACE.pct3] : [PLACE[strategy]])
}

/** As if nothing had failed. */
function without(running: Outcome | undefined | Promise<Outcome>): Outcome | undefined | Promise<Outcome> {
  const hide = ({ ending }: Outcome): Outcome => ({ ending })
  return running instanceof Promise ? running.then(hide) : running && hide(running)
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const part = workerData as Part | null
if (part === null) await searchAll(JSON.parse(process.argv[2]) as Searches)
else
  await takePart(part.torture.stay, {
    load: () => loadScenario(part.torture.stay.instance, import.meta.url),
    strategies: makeStrategies,
    lead: tools => untilFailure(tools, part.limits),
  })
