/** Parameters and thread counts: what the scenario declares, what the user asks for, what an instance gets. */
import { UsageError } from '../errors.ts'
import type { ParamSpec, ParamSpecs, ParamValue, ThreadCount } from '../scenario.ts'
import { hint } from './nearest.ts'

export interface Parametrised {
  readonly name: string
  readonly params: ParamSpecs
  readonly threads: readonly { readonly name: string; readonly count: ThreadCount }[]
}

/** What the user asked for by `--param` or `--threads`: the last assignment of a name wins. */
export type Wishes = ReadonlyMap<string, string>

export const MOST_THREADS = 512

/** Every wish must mean something to at least one of the scenarios. */
export function checkWishes(scenarios: readonly Parametrised[], params: Wishes, threads: Wishes): void {
  const among = scenarios.length === 1 ? scenarios[0].name : 'the selected scenarios'
  const check = (kind: string, wished: Wishes, names: ReadonlySet<string>) => {
    for (const name of wished.keys()) {
      if (names.has(name)) continue
      const known = names.size === 0 ? 'there are none' : `there are ${[...names].join(', ')}`
      throw new UsageError(`${among}: no ${kind} '${name}': ${hint(name, names, known)}`)
    }
  }
  check('parameter', params, new Set(scenarios.flatMap(s => Object.keys(s.params))))
  check('thread body', threads, new Set(scenarios.flatMap(s => s.threads.map(body => body.name))))
}

/** All parameters of a scenario: the defaults, over them the wishes, over them what a bug fixes. */
export function resolveParams(
  scenario: Parametrised,
  wishes: Wishes,
  fixed: Readonly<Record<string, ParamValue>> = {},
): Record<string, ParamValue> {
  const values: Record<string, ParamValue> = {}
  for (const [name, spec] of Object.entries(scenario.params)) {
    const wish = wishes.get(name)
    values[name] =
      wish === undefined ? spec.default : parseParam(`${scenario.name}: --param ${name}=${wish}`, wish, spec)
    if (Object.hasOwn(fixed, name)) values[name] = fixed[name]
  }
  return values
}

function parseParam(what: string, text: string, spec: ParamSpec): ParamValue {
  const value = parseAs(what, text, typeof spec.default)
  if (spec.choices !== undefined && !spec.choices.includes(value)) {
    throw new UsageError(`${what}: one of ${spec.choices.join(', ')} is needed`)
  }
  if (typeof value === 'number' && !Number.isInteger(value) && wholeNumbers(spec)) {
    throw new UsageError(`${what}: a whole number is needed`)
  }
  if (typeof value === 'number' && (value < (spec.min ?? -Infinity) || value > (spec.max ?? Infinity))) {
    throw new UsageError(`${what}: a number ${limits(spec)} is needed`)
  }
  return value
}

function parseAs(what: string, text: string, type: string): ParamValue {
  if (type === 'string') return text
  if (type === 'boolean') {
    if (text === 'true' || text === 'false') return text === 'true'
    throw new UsageError(`${what}: true or false is needed`)
  }
  const value = /^[-+]?(\d[\d_]*(\.\d+)?(e[-+]?\d+)?|0x[\da-f]+)$/i.test(text)
    ? Number(text.replaceAll('_', ''))
    : Number.NaN
  if (!Number.isFinite(value)) throw new UsageError(`${what}: a number is needed`)
  return value
}

/** Default and limits, two at least, are all whole: then a fraction is not meant. */
function wholeNumbers({ default: value, min, max }: ParamSpec): boolean {
  const given = [value, min, max].filter(it => it !== undefined)
  return given.length > 1 && given.every(Number.isInteger)
}

const limits = ({ min, max }: ParamSpec) =>
  min === undefined ? `up to ${max}` : max === undefined ? `from ${min}` : `between ${min} and ${max}`

/** The counts of all bodies as numbers, in the order of declaration. */
export function resolveThreads(
  scenario: Parametrised,
  wishes: Wishes,
  cpus: number,
): { readonly name: string; readonly count: number }[] {
  const counts = scenario.threads.map(({ name, count }) => {
    const wish = wishes.get(name)
    if (wish === undefined) return { name, count: resolveCount(count, cpus)! }
    const resolved = resolveCount(wish, cpus)
    if (resolved === undefined || resolved < 1 || resolved > MOST_THREADS) {
      throw new UsageError(
        `${scenario.name}: --threads ${name}=${wish}: a number between 1 and ${MOST_THREADS}, cpus or cpus-1 is needed`,
      )
    }
    return { name, count: resolved }
  })
  const total = counts.reduce((sum, { count }) => sum + count, 0)
  if (total > MOST_THREADS) throw new UsageError(`${scenario.name}: ${total} threads are more than ${MOST_THREADS}`)
  return counts
}

/** 'cpus' and 'cpus-2' count the CPUs of the budget and are never below one; undefined: not a count. */
export function resolveCount(count: string | number, cpus: number): number | undefined {
  if (typeof count === 'number') return count
  if (/^\d{1,9}$/.test(count)) return Number(count)
  const match = /^cpus(?:-(\d{1,4}))?$/.exec(count)
  return match === null ? undefined : Math.max(1, cpus - Number(match[1] ?? 0))
}
