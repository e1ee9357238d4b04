/**
 * Bugs on trial: what the tries and the controls of `torture bugs` say, each by itself and all together. A try has the
 * bug switched on and succeeds if an oracle that the bug names speaks first, after the bug's window was entered. A
 * control is the code without the bug, otherwise as its try, and nothing may speak.
 */
import { duration, oneLine, plural, sum } from './format.ts'
import type { InstanceResult, Mode, Plan, PlannedInstance, Verdict } from './schema.ts'
import { median } from './statistics.ts'

export type Trial = NonNullable<PlannedInstance['trial']>
type Results = ReadonlyMap<string, InstanceResult>

/** What an instance counts as: a try passes when the bug is caught. */
export interface Answer {
  readonly verdict: Verdict
  readonly text: string
}

/** Whether a plan asks which bugs are caught. */
export const isOnTrial = ({ instances }: Pick<Plan, 'instances'>): boolean =>
  instances.some(({ trial }) => trial !== undefined)

/** Where the guest noted no time, the order in which failures were kept is that in which they came. */
function firstFailure({ failures }: InstanceResult) {
  return [...failures].sort((a, b) => (a.atMs ?? 0) - (b.atMs ?? 0)).at(0)
}

const windowsOf = ({ windows = [] }: PlannedInstance, { sites }: InstanceResult): number =>
  sum(windows.map(site => sites[site] ?? 0))

const failed = (verdict: Verdict) => verdict === 'fail' || verdict === 'hang' || verdict === 'crash'

/** What an instance says by itself; of one that is not on trial, its verdict. */
export function answerOf(instance: PlannedInstance, result: InstanceResult): Answer {
  const { trial } = instance
  const { verdict, durationMs, reason = 'no reason is recorded' } = result
  const first = firstFailure(result)
  const why = first === undefined ? oneLine(reason) : `${first.oracle}: ${oneLine(first.message)}`
  if (trial === undefined || verdict === 'lost' || verdict === 'skipped') return { verdict, text: why }
  if (trial.control !== undefined) {
    // Of a control only silence is wanted: that the bug's parameters leave a path untested is their purpose.
    if (!failed(verdict) && result.rounds > 0)
      return { verdict: 'pass', text: `clean for ${duration(durationMs)} without the bug` }
    return { verdict, text: failed(verdict) ? `false alarm without the bug: ${why}` : why }
  }
  const windows = windowsOf(instance, result)
  const entered = `its window entered ${plural(windows, 'time')}`
  if (first === undefined) {
    const how = failed(verdict) ? `${verdict}: ${why}` : `not caught in ${duration(durationMs)}, ${entered}`
    return { verdict: 'fail', text: how }
  }
  const when = `${first.oracle} after ${duration(first.atMs ?? durationMs)}`
  if (!trial.oracles.includes(first.oracle))
    return { verdict: 'fail', text: `${when}, which the bug does not name: ${oneLine(first.message)}` }
  if (windows === 0) return { verdict: 'fail', text: `${when}, and its window was never entered` }
  return { verdict: 'pass', text: `caught by ${when}, ${entered}` }
}

/**
 * The control with its time: at least what is planned, and as long as the try took that was caught.
 * @param results of what has ended
 */
export function timed(instance: PlannedInstance, results: Results): PlannedInstance {
  const tried = results.get(instance.trial?.control ?? '')
  const took = tried && firstFailure(tried)?.atMs
  return took !== undefined && took > instance.durationMs ? { ...instance, durationMs: took } : instance
}

/**
 * What each instance that has ended counts as. Several searches for one bug are one search: where one of them has found
 * it, the others need not.
 */
export function standings(plan: Pick<Plan, 'instances'>, results: Results): Map<string, Verdict> {
  const answers = plan.instances.flatMap(instance => {
    const result = results.get(instance.name)
    return result === undefined ? [] : [{ instance, verdict: answerOf(instance, result).verdict }]
  })
  const found = new Set(
    answers.filter(({ instance, verdict }) => isSearch(instance) && verdict === 'pass').map(subjectOf),
  )
  return new Map(
    answers.map(answer => {
      const needless = isSearch(answer.instance) && answer.verdict === 'fail' && found.has(subjectOf(answer))
      return [answer.instance.name, needless ? 'skipped' : answer.verdict]
    }),
  )
}

const isSearch = ({ mode, trial }: PlannedInstance) =>
  mode === 'explore' && trial !== undefined && trial.control === undefined
const subjectOf = ({ instance }: { readonly instance: PlannedInstance }) => keyOf(headOf(instance))

/** What is tried, and how. */
export interface Subject {
  readonly bug: string
  readonly hardness: Trial['hardness']
  readonly scenario: string
  readonly mode: Mode
}

/** What came of a bug. */
export interface BugRow extends Subject {
  /** Stress has to catch it in every try, the explorer in one. */
  readonly verdict: 'caught' | 'escaped' | 'false alarm' | 'not tried'
  /** Tries that ended with an answer. */
  readonly tries: number
  readonly caught: number
  /** How often each oracle was the first to speak: those that count, and those that do not. */
  readonly oracles: Readonly<Record<string, number>>
  readonly others: Readonly<Record<string, number>>
  /** From the opening of the first round's gate to the first failure; of the tries that caught it. */
  readonly medianMs: number | null
  readonly worstMs: number | null
  /** How often its window was entered: the median of the tries. */
  readonly windows: number | null
  readonly controls: number
  readonly clean: number
  /** What kept it from being caught every time, or from being clean. */
  readonly problems: readonly (Answer & { readonly instance: string; readonly seed: number })[]
}

function headOf({ trial, scenario, mode }: PlannedInstance): Subject {
  const { bug, hardness } = trial!
  return { bug, hardness, scenario, mode }
}

const keyOf = ({ bug, scenario, mode }: Subject) => JSON.stringify([bug, scenario, mode])

/** The bugs of a plan, in its order. */
export function bugRows(plan: Pick<Plan, 'instances'>, results: Results): BugRow[] {
  const subjects = new Map<string, { head: Subject; instances: PlannedInstance[] }>()
  for (const instance of plan.instances) {
    if (instance.trial === undefined) continue
    const head = headOf(instance)
    const known = subjects.get(keyOf(head))
    if (known === undefined) subjects.set(keyOf(head), { head, instances: [instance] })
    else known.instances.push(instance)
  }
  return [...subjects.values()].map(({ head, instances }) => bugRow(head, instances, results))
}

/** @param instances its tries and controls; none: it was not tried */
export function bugRow(head: Subject, instances: readonly PlannedInstance[], results: Results): BugRow {
  const ended = instances.flatMap(instance => {
    const result = results.get(instance.name)
    if (result === undefined || result.verdict === 'skipped') return []
    return [{ instance, result, first: firstFailure(result), ...answerOf(instance, result) }]
  })
  const answered = ended.filter(({ result }) => result.verdict !== 'lost')
  const tries = answered.filter(({ instance }) => instance.trial?.control === undefined)
  const controls = answered.filter(({ instance }) => instance.trial?.control !== undefined)
  const caught = tries.filter(({ verdict }) => verdict === 'pass')
  const times = caught.map(({ first, result }) => first?.atMs ?? result.durationMs)
  const spoken = (those: typeof tries) => countOf(those.flatMap(({ first }) => first?.oracle ?? []))
  const enough = head.mode === 'explore' ? caught.length > 0 : caught.length === tries.length
  const alarmed = controls.some(({ verdict }) => failed(verdict))
  return {
    ...head,
    verdict: alarmed ? 'false alarm' : tries.length === 0 ? 'not tried' : enough ? 'caught' : 'escaped',
    tries: tries.length,
    caught: caught.length,
    oracles: spoken(caught),
    others: spoken(tries.filter(({ verdict }) => verdict !== 'pass')),
    medianMs: median(times) ?? null,
    worstMs: times.length === 0 ? null : Math.max(...times),
    windows: median(tries.map(({ instance, result }) => windowsOf(instance, result))) ?? null,
    controls: controls.length,
    clean: controls.filter(({ verdict }) => verdict === 'pass').length,
    problems: ended
      .filter(({ instance, verdict }) => verdict !== 'pass' && !(enough && isSearch(instance)))
      .map(({ instance, verdict, text }) => ({ instance: instance.name, seed: instance.seed, verdict, text })),
  }
}

function countOf(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1
  return counts
}
