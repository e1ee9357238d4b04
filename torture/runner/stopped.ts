/** What becomes of an instance that was ended before its time. */
import type { InstanceResult, PlannedInstance } from '../../results/schema.ts'

/** Why instances are not worth their time any more, and which. */
export interface Stopped {
  readonly why: string
  readonly concerns: (instance: PlannedInstance) => boolean
}

/** Whether two instances search the same: what one has proved the other need not. */
export const isSibling = (a: PlannedInstance, b: PlannedInstance): boolean =>
  a.explore !== undefined && subject(a) === subject(b)

function subject({ scenario, params, threads, bugs, explore, node, nodeArgs }: PlannedInstance): string {
  const { sibling: _, ...search } = explore ?? {}
  return JSON.stringify([scenario, params, threads, bugs, search, node, nodeArgs])
}

/**
 * The result of an instance, as it counts. What was ended before its time without a finding has not been done, and
 * `rerun` does it; yet what an explorer had done until its siblings made the rest needless is done.
 * @param why a signal, or what made it needless
 */
export function stoppedEarly(
  result: InstanceResult,
  instance: PlannedInstance,
  why: NodeJS.Signals | Stopped | undefined,
): InstanceResult {
  if (why === undefined || result.verdict === 'fail' || result.verdict === 'lost') return result
  if (result.by === 'guest' && (result.verdict === 'hang' || result.durationMs >= instance.durationMs)) return result
  if (instance.mode === 'explore' && typeof why !== 'string' && result.by === 'guest' && result.verdict === 'pass')
    return result
  const cause = typeof why === 'string' ? why : why.why
  const reason = `ended after ${(result.durationMs / 1000).toFixed(1)} s (${cause})`
  return { ...result, verdict: 'skipped', by: 'judge', reason }
}
