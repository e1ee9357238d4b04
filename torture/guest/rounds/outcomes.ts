/** Grading of litmus results by the numbers that the bodies returned. */
import type { OutcomeTable, PlannedInstance } from '../../../results/schema.ts'
import type { Grade, Outcome, Outcomes, Scenario } from '../../scenario.ts'
import type { Listed } from '../messages.ts'
import type { Reporter } from '../report/report.ts'
import type { Counts } from '../report/tally.ts'
import { appended, NO_CODE, type Values } from './values.ts'

/** Counters of outcomes begin with it: `outcome:0,1`. */
export const OUTCOME = 'outcome:'
/** Outcomes that are not listed are counted by themselves up to so many. */
const MOST_UNLISTED = 64
const OTHERS = 'others'

/** The key of an outcome: all returned numbers, in the order of the threads, flattened, joined by commas. */
export function outcomeKey(values: readonly unknown[]): string {
  const numbers: number[] = []
  const take = (value: unknown): void => {
    if (typeof value === 'number') numbers.push(value)
    else if (Array.isArray(value)) value.forEach(take)
    else if (ArrayBuffer.isView(value) && !(value instanceof DataView)) Array.from(value as Int32Array, take)
  }
  values.forEach(take)
  return numbers.join(',')
}

/** The outcomes that a scenario lists, on this machine; undefined: it lists none. Throws what its function throws. */
export function outcomesOf({ outcomes }: Scenario, { params }: Pick<PlannedInstance, 'params'>): Outcomes | undefined {
  if (typeof outcomes !== 'function') return outcomes
  const given: Outcomes = outcomes({ params, arch: process.arch })
  const problem = outcomesProblem(given)
  if (problem !== undefined) throw new TypeError(problem)
  return given
}

const GRADES: readonly Grade[] = ['acceptable', 'interesting', 'forbidden']

/** What is wrong with a list of outcomes, which may come from a file without our types. */
export function outcomesProblem(outcomes: unknown): string | undefined {
  if (typeof outcomes !== 'object' || outcomes === null)
    return "outcomes must be an object such as { '0,1': acceptable('why') }, or a function that returns one"
  for (const [key, outcome] of Object.entries(outcomes)) {
    if (/\s/.test(key)) return `outcomes['${key}'] never occurs: the numbers of a key are joined by commas alone`
    const { grade, why } = (outcome ?? {}) as Partial<Outcome>
    if (!GRADES.includes(grade as Grade) || typeof why !== 'string')
      return `outcomes['${key}'] must be acceptable('why'), interesting('why') or forbidden('why')`
  }
  return undefined
}

/** The table of what was seen and of what was not, in the order of the list; what is not listed comes last. */
export function outcomeTable({ outcomes, observes }: Listed, counters: Counts): OutcomeTable {
  const counted = Object.entries(counters).filter(([name]) => name.startsWith(OUTCOME))
  const counts = new Map(counted.map(([name, n]) => [name.slice(OUTCOME.length), n]))
  const total = Math.max(
    1,
    counted.reduce((sum, [, n]) => sum + n, 0),
  )
  const row = (outcome: string, grade: OutcomeTable['rows'][number]['grade'], why: string) => {
    const count = counts.get(outcome) ?? 0
    return { outcome, count, share: count / total, grade, why }
  }
  const unlisted = [...counts.keys()].filter(key => !Object.hasOwn(outcomes, key))
  return {
    arch: process.arch,
    ...(observes !== undefined && { observes: [...observes] }),
    rows: [
      ...Object.entries(outcomes).map(([key, { grade, why }]) => row(key, grade, why)),
      ...unlisted.map(key => row(key, 'unlisted', key === OTHERS ? 'further outcomes, not listed' : 'not listed')),
    ],
  }
}

/** Why an outcome is a failure, or undefined. */
function faultOf(outcomes: Outcomes, key: string): string | undefined {
  const outcome: Outcome | undefined = Object.hasOwn(outcomes, key) ? outcomes[key] : undefined
  if (outcome === undefined) return `outcome ${key || '(no numbers)'} is not listed`
  return outcome.grade === 'forbidden' ? `outcome ${key} is forbidden: ${outcome.why}` : undefined
}

interface Seen {
  /** Of the counter. */
  readonly slot: number
  readonly fault: string | undefined
}

/** Counts and grades outcomes. What has been seen before is known by its numbers alone, without a text. */
export class Grading {
  readonly #outcomes: Outcomes
  readonly #reporter: Reporter
  readonly #threads: number
  readonly #byCode = new Map<number, Seen>()
  readonly #byKey = new Map<string, Seen>()
  #unlisted = 0

  constructor(outcomes: Outcomes, reporter: Reporter, threads: number) {
    this.#outcomes = outcomes
    this.#reporter = reporter
    this.#threads = threads
  }

  /**
   * Takes in what the bodies returned in a copy's round, and what stands in memory after it. Returns why that is a
   * failure, or undefined.
   */
  take(values: Values, copy: number, final: number | readonly number[] | undefined): string | undefined {
    let code = values.code(copy)
    if (typeof final === 'number') code = appended(code, final)
    else if (final !== undefined) for (const value of final) code = appended(code, value)
    const seen = this.#byCode.get(code) ?? this.#look(values, copy, final, code)
    this.#reporter.add(seen.slot, 1)
    return seen.fault
  }

  #look(values: Values, copy: number, final: unknown, code: number): Seen {
    const returned = Array.from({ length: this.#threads }, (_, thread) => values.get(copy, thread))
    const key = outcomeKey([...returned, final])
    const seen = this.#byKey.get(key) ?? this.#first(key)
    if (code !== NO_CODE) this.#byCode.set(code, seen)
    return seen
  }

  #first(key: string): Seen {
    const fault = faultOf(this.#outcomes, key)
    const others = !Object.hasOwn(this.#outcomes, key) && ++this.#unlisted > MOST_UNLISTED
    const seen = { slot: this.#reporter.counter(`${OUTCOME}${others ? OTHERS : key}`), fault }
    // What is too much to be counted by itself is too much to be remembered.
    if (!others) this.#byKey.set(key, seen)
    return seen
  }
}
