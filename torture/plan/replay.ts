/** The plan of a replay: the instance that failed, with a schedule in the place of a search. Pure. */
import type { Interleaving, PlannedInstance } from '../../results/schema.ts'
import type { Manifest, ScenarioDescription } from '../bundle/manifest.ts'
import type { ParamValue } from '../scenario.ts'
import { EXPLORE } from './explore.ts'

/** One execution takes no time, so this is for one that does not end. */
const REPLAY_MS = 60_000

/** @param before what the schedule's steps were when it failed */
export function planReplay(instance: PlannedInstance, schedule: string, before?: Interleaving): PlannedInstance {
  const expected = before === undefined ? undefined : stepsOf(before)
  return {
    ...instance,
    mode: 'explore',
    explore: { ...(instance.explore ?? EXPLORE), schedule, ...(expected !== undefined && { expected }) },
    jitter: 'off',
    durationMs: REPLAY_MS,
    keepGoing: false,
    cpus: 1,
    oversubscribed: false,
  }
}

/** The steps as a guest compares them; undefined where the first ones were not kept. */
function stepsOf({ threads, steps }: Interleaving): string[] | undefined {
  if (steps[0]?.step !== 0) return undefined
  return steps.map(({ thread, op, cell }) => `${threads[thread]} ${op} ${cell}`.trim())
}

/**
 * The instance on other code than it was planned for: parameters that are new have their defaults, those that are gone
 * are left out. A text says why the code is no longer one that the schedule can be a schedule of.
 */
export function fitToCode(
  instance: PlannedInstance,
  scenario: ScenarioDescription,
  { bugs }: Manifest,
): PlannedInstance | string {
  const bodies = scenario.threads.map(({ name }) => name).join(', ')
  const before = instance.threads.map(({ name }) => name).join(', ')
  if (bodies !== before) return `its thread bodies are ${bodies}, and were ${before}`
  const known = instance.bugs.map(id => bugs.find(bug => bug.id === id))
  const lost = instance.bugs.find((_, n) => known[n] === undefined)
  if (lost !== undefined) return `there is no bug ${lost} any more`
  const params: Record<string, ParamValue> = Object.fromEntries(
    Object.entries(scenario.params).map(([name, spec]) => [name, instance.params[name] ?? spec.default]),
  )
  const windows = known.map(bug => bug!.site)
  return { ...instance, module: scenario.module, params, ...(windows.length > 0 && { windows }) }
}
