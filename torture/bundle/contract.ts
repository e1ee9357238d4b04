/** Checks by hand what a scenario or a bug is: it comes from a user's file, maybe plain JavaScript without our types. */

import { outcomesProblem } from '../guest/rounds/outcomes.ts'
import { checkModel } from '../model.ts'
import { hint } from '../plan/nearest.ts'
import type { ParamSpec } from '../scenario.ts'

const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/
const COUNT = /^cpus(-\d{1,4})?$/

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

function show(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  if (isObject(value)) return Array.isArray(value) ? 'an array' : 'an object'
  return typeof value === 'string' ? `'${value}'` : String(value)
}

/** What keeps a default export from being a scenario, in one phrase. */
export function checkScenario(value: unknown): string | undefined {
  if (value === undefined)
    return 'it has no default export: write export default defineScenario({ name, summary, setup, threads })'
  if (!isObject(value))
    return `its default export is ${show(value)}, not a scenario: an object with name, summary, setup and threads is needed`
  const stray = unknownKey(value, SCENARIO_KEYS)
  if (stray !== undefined) return stray
  const missing = ['name', 'summary', 'setup', 'threads'].filter(key => value[key] === undefined)
  if (missing.length > 0) return `its default export lacks ${missing.join(', ')}`
  return (
    checkName('name', value.name) ??
    (typeof value.summary === 'string' ? undefined : 'summary must be a string') ??
    checkFunctions(value, '', ['setup'], ['check', 'always', 'final', 'inconclusive']) ??
    checkTags(value.tags) ??
    checkParams(value.params) ??
    checkThreads(value.threads) ??
    (value.roundMs === undefined || Number(value.roundMs) > 0
      ? undefined
      : 'roundMs must be a number of milliseconds') ??
    checkHistory(value.history) ??
    checkOutcomes(value.outcomes, value.observes) ??
    checkScale(value.scale, value.threads as Record<string, unknown>)
  )
}

const SCENARIO_KEYS = [
  'name',
  'summary',
  'tags',
  'params',
  'setup',
  'threads',
  'check',
  'always',
  'outcomes',
  'final',
  'observes',
  'history',
  'roundMs',
  'scale',
  'inconclusive',
]
const BODY_KEYS = ['count', 'open', 'run', 'pause', 'resume']
const HISTORY_KEYS = ['model', 'partition', 'calls', 'budget', 'order']
const PARAM_KEYS = ['default', 'describe', 'choices', 'min', 'max']

/** A misspelt `check` would make a scenario that cannot fail: what is not of the contract is refused. */
function unknownKey(value: Record<string, unknown>, known: readonly string[], of = ''): string | undefined {
  const key = Object.keys(value).find(name => !known.includes(name))
  if (key === undefined) return undefined
  return `${of}${key} means nothing: ${hint(key, known, `there are ${known.join(', ')}`)}`
}

function checkName(what: string, name: unknown): string | undefined {
  if (typeof name === 'string' && NAME.test(name)) return undefined
  return `${what} ${show(name)} must be lower case letters, digits and dashes`
}

function checkFunctions(
  value: Record<string, unknown>,
  of: string,
  required: readonly string[],
  optional: readonly string[],
): string | undefined {
  for (const key of [...required, ...optional]) {
    if (value[key] === undefined && optional.includes(key)) continue
    if (typeof value[key] !== 'function') return `${of}${key} must be a function and is ${show(value[key])}`
  }
  return undefined
}

function checkTags(tags: unknown): string | undefined {
  if (tags === undefined) return undefined
  const fine = Array.isArray(tags) && tags.every(tag => typeof tag === 'string' && /^[\w-]+$/.test(tag))
  return fine ? undefined : 'tags must be a list of words'
}

function checkParams(params: unknown): string | undefined {
  if (params === undefined) return undefined
  if (!isObject(params)) return `params must be an object and is ${show(params)}`
  for (const [name, spec] of Object.entries(params)) {
    const stray = isObject(spec) ? unknownKey(spec, PARAM_KEYS, `params.${name}.`) : undefined
    if (stray !== undefined) return stray
    if (!isObject(spec) || !['number', 'string', 'boolean'].includes(typeof spec.default)) {
      return `params.${name} must have a default that is a number, a string or a boolean`
    }
    const problem = checkSpec(spec as unknown as ParamSpec)
    if (problem !== undefined) return `params.${name}: ${problem}`
  }
  return undefined
}

function checkSpec(spec: ParamSpec): string | undefined {
  const { default: value, choices, min, max } = spec
  if (choices !== undefined && !(Array.isArray(choices) && choices.includes(value))) {
    return 'choices must be a list that holds the default'
  }
  if (typeof value !== 'number') return undefined
  if (!Number.isFinite(value)) return 'the default must be finite'
  if (value < (min ?? value) || value > (max ?? value)) return 'the default must lie between min and max'
  return undefined
}

function checkThreads(threads: unknown): string | undefined {
  if (!isObject(threads)) return `threads must be an object of thread bodies and is ${show(threads)}`
  const bodies = Object.entries(threads)
  if (bodies.length === 0) return 'threads names no thread body'
  for (const [name, body] of bodies) {
    if (!isObject(body)) return `threads.${name} must be an object with a run function and is ${show(body)}`
    const problem =
      unknownKey(body, BODY_KEYS, `threads.${name}.`) ??
      checkFunctions(body, `threads.${name}.`, ['run'], ['open', 'pause', 'resume']) ??
      checkCount(name, body.count)
    if (problem !== undefined) return problem
  }
  return undefined
}

function checkOutcomes(outcomes: unknown, observes: unknown): string | undefined {
  const named = Array.isArray(observes) && observes.every(name => typeof name === 'string')
  if (observes !== undefined && !named) return 'observes must be a list of names'
  return outcomes === undefined || typeof outcomes === 'function' ? undefined : outcomesProblem(outcomes)
}

function checkCount(body: string, count: unknown): string | undefined {
  if (count === undefined) return undefined
  if (typeof count === 'number' && Number.isInteger(count) && count >= 1) return undefined
  if (typeof count === 'string' && COUNT.test(count)) return undefined
  return `threads.${body}.count must be a whole number from 1, 'cpus' or 'cpus-1' and is ${show(count)}`
}

function checkScale(scale: unknown, threads: Record<string, unknown>): string | undefined {
  if (scale === undefined) return undefined
  if (!isObject(scale) || !isObject(scale.rate) || !Array.isArray(scale.rows) || scale.rows.length === 0) {
    return 'scale must be an object with sweep, rate and rows'
  }
  if (!Object.hasOwn(threads, String(scale.sweep))) return `scale.sweep: there is no thread body ${show(scale.sweep)}`
  return scale.rows.every(row => isObject(row) && isObject(row.labels)) ? undefined : 'every row of scale needs labels'
}

/** Most calls that a round of long-running bodies may be cut at: beyond, histories take too long to check. */
const MOST_CALLS = 64

function checkHistory(history: unknown): string | undefined {
  if (history === undefined) return undefined
  if (!isObject(history)) return `history must be an object with a model and is ${show(history)}`
  const { model, calls, budget, order } = history
  const whole = (value: unknown, most: number) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= most
  return (
    unknownKey(history, HISTORY_KEYS, 'history.') ??
    (typeof model === 'function' ? undefined : checkModel(model)) ??
    checkFunctions(history, 'history.', [], ['partition']) ??
    (calls === undefined || whole(calls, MOST_CALLS)
      ? undefined
      : `history.calls must be a whole number from 1 to ${MOST_CALLS} and is ${show(calls)}`) ??
    (budget === undefined || whole(budget, Number.MAX_SAFE_INTEGER)
      ? undefined
      : `history.budget must be a whole number from 1 and is ${show(budget)}`) ??
    (order === undefined || ['observed', 'counted'].includes(String(order))
      ? undefined
      : `history.order must be 'observed' or 'counted' and is ${show(order)}`)
  )
}

/** What keeps a default export from being a bug, in one phrase. */
export function checkBug(value: unknown): string | undefined {
  if (!isObject(value)) return 'its default export is not a bug: write export default defineBug({ … })'
  for (const key of ['title', 'story', 'source', 'site']) {
    if (typeof value[key] !== 'string') return `${key} must be a string`
  }
  const words = (list: unknown) =>
    Array.isArray(list) && list.length > 0 && list.every(word => typeof word === 'string')
  if (!words([value.oracle].flat())) return 'oracle must be a name, or a list of names'
  if (!words(value.scenarios)) return 'scenarios must be a list of names'
  if (!['E', 'D', 'X'].includes(String(value.hardness))) return 'hardness must be E, D or X'
  if (value.memoryModel !== undefined) {
    if (!['tso', 'pso'].includes(String(value.memoryModel))) return 'memoryModel must be tso or pso'
    if (value.hardness !== 'X') return 'hardness must be X where there is a memoryModel: stress cannot show it'
  }
  return checkName('id', value.id)
}
