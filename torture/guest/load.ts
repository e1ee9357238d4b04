/** Loads a scenario from the bundle, and seats its bodies on threads. */
import type { PlannedInstance } from '../../results/schema.ts'
import type { Scenario, ThreadBody } from '../scenario.ts'

/** One thread's place: which body it runs. */
export interface Seat {
  readonly thread: number
  readonly body: string
  /** Among the threads of its body. */
  readonly index: number
  /** `adder[1]` */
  readonly label: string
}

/** Threads in the order of declaration. */
export function seatsOf(threads: PlannedInstance['threads']): Seat[] {
  const seats: Seat[] = []
  for (const { name: body, count } of threads)
    for (let index = 0; index < count; index++)
      seats.push({ thread: seats.length, body, index, label: `${body}[${index}]` })
  return seats
}

/** The default export; of a CommonJS module that was compiled from an ES module, what that one exported as default. */
export function defaultOf(module: { readonly default?: any }): unknown {
  const found = module.default
  return found?.__esModule === true ? found.default : found
}

/** One of several that a module of ours exports: `scenarios/mm.js#vma-lock`. */
const MEMBER = /^((?:scenarios\/[\w-]+|bugs)\.js)#(.+)$/

/**
 * Imports what a module of a bundle is for. Throws what the module throws.
 * @param entry URL of a file in the bundle's folder
 */
export async function importFrom(module: string, entry: string): Promise<unknown> {
  const [, path, name] = MEMBER.exec(module) ?? []
  const found = await import(new URL(`./${path ?? module}`, entry).href)
  return path === undefined ? defaultOf(found) : found[name]
}

/** Imports the scenario's module, relative to an entry of the bundle. Throws what the module throws. */
export async function loadScenario(instance: PlannedInstance, entry: string): Promise<Scenario> {
  const scenario = (await importFrom(instance.module, entry)) as Scenario | undefined
  if (typeof scenario?.setup !== 'function' || typeof scenario.threads !== 'object')
    throw new TypeError(`${instance.module} has no scenario as its default export`)
  return scenario
}

export function bodyOf(scenario: Scenario, seat: Seat): ThreadBody<unknown, unknown, unknown> {
  const body = scenario.threads[seat.body]
  if (typeof body?.run !== 'function') throw new TypeError(`scenario ${scenario.name} has no thread body ${seat.body}`)
  return body
}
