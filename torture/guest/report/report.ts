/**
 * A thread's reports: counters, near misses and failures. Names travel once, through the thread's port; numbers lie in
 * shared slots that the main thread sums. Everything is bounded: a check that fails a million times a second must not
 * drown the guest.
 */
import { inspect } from 'node:util'
import type { MessagePort } from 'node:worker_threads'
import { publishCursor } from '../../../lib/shm/sites.ts'
import { EXHIBIT } from '../../../results/format.ts'
import type { Interleaving } from '../../../results/schema.ts'
import { type Control, cursorOf, MAX_SLOTS, now, slotsOf } from '../control.ts'
import type { FailureMessage, SlotMessage } from '../messages.ts'
import { CellNames } from './cells.ts'

export const MAX_FAILURE_KINDS = 20
/** Under this name near misses stand in the flight recorder. */
export const NEAR_SITE = 'near miss'
const MAX_NEAR_KINDS = 64
/** What else is counted has room whatever a body does: that it counts too much is a failure, too. */
const MAX_COUNTERS = MAX_SLOTS - MAX_NEAR_KINDS - MAX_FAILURE_KINDS - 2
const MAX_MESSAGE = 4096
/** Of two values on one line, in characters. */
const MAX_COMPARISON = 160
const MAX_DETAILS = 64 * 1024
const MAX_CELLS = 64

export interface Fault {
  readonly oracle: string
  readonly message: string
  /** `adder[1]`, `check`, `setup`. */
  readonly thread: string
  readonly round: number
  readonly details?: unknown
  readonly stack?: string
  /** What the failed round worked on: its cells go into the evidence. */
  readonly shared?: unknown
  readonly fatal?: boolean
  readonly schedule?: string
  readonly interleaving?: Interleaving
}

/** What a message says, without its numbers: the same failure with other numbers is the same failure. */
export const kindOf = (oracle: string, message: string): string =>
  `${oracle}: ${message
    .split(EXHIBIT, 1)[0]
    .slice(0, MAX_MESSAGE)
    .replace(/0x[\da-f]+|\d+(\.\d+)?/gi, '#')}`

export class Reporter {
  readonly #port: MessagePort
  readonly #control: Control
  readonly #slots: Float64Array
  readonly #byKind = {
    counter: new Map<string, number>(),
    near: new Map<string, number>(),
    failure: new Map<string, number>(),
  }
  #used = 0

  constructor(port: MessagePort, control: Control, thread: number) {
    this.#port = port
    this.#control = control
    this.#slots = slotsOf(control, thread)
  }

  /** Throws RangeError when a thread counts under more names than there is room for, and for what is no number. */
  readonly count = (name: string, n = 1): void => {
    if (!Number.isFinite(n)) throw new RangeError(`count('${name}', ${String(n)}): a finite number is needed`)
    this.#slots[this.counter(name)] += n
  }

  /** The place of a counter, for `add`: for who counts so often that looking for the name is too much. */
  counter(name: string): number {
    return this.#byKind.counter.get(name) ?? this.#register('counter', name)
  }

  add(counter: number, n: number): void {
    this.#slots[counter] += n
  }

  /** Counts a near miss under its message without the numbers; returns the number of its kind. */
  readonly near = (message: string): number => {
    const known = this.#byKind.near
    let kind = message.slice(0, 200).replace(/\d+(\.\d+)?/g, '#')
    if (!known.has(kind) && known.size >= MAX_NEAR_KINDS) kind = 'further kinds'
    const slot = known.get(kind) ?? this.#register('near', kind)
    this.#slots[slot]++
    return slot
  }

  /** The first failure of a kind travels with its evidence; all are counted. */
  readonly fail = (fault: Fault): void => {
    const known = this.#byKind.failure
    let key = kindOf(fault.oracle, fault.message)
    const first = !known.has(key) && known.size < MAX_FAILURE_KINDS
    if (!known.has(key) && !first) key = 'further kinds'
    const slot = known.get(key) ?? this.#register('failure', key)
    this.#slots[slot]++
    if (first) this.#send(key, fault)
  }

  #register(kind: SlotMessage['kind'], name: string): number {
    if (kind === 'counter' && this.#byKind.counter.size >= MAX_COUNTERS)
      throw new RangeError(`more than ${MAX_COUNTERS} counters: '${name.slice(0, 60)}' has no room`)
    const slot = this.#used++
    this.#byKind[kind].set(name, slot)
    this.#port.postMessage({ type: 'slot', kind, name, slot } satisfies SlotMessage)
    return slot
  }

  #send(key: string, fault: Fault): void {
    publishCursor()
    const control = this.#control
    const rings = new Int32Array(control.rings)
    const written = Array.from({ length: control.threads }, (_, t) => Atomics.load(cursorOf(control, t), 0))
    const message: FailureMessage = {
      type: 'failure',
      key,
      oracle: fault.oracle,
      message: fault.message.slice(0, MAX_MESSAGE),
      thread: fault.thread,
      round: fault.round,
      at: now(),
      ...(fault.stack === undefined ? {} : { stack: fault.stack.slice(0, 4 * MAX_MESSAGE) }),
      ...(fault.details === undefined ? {} : { details: survivesJson(fault.details) }),
      rings,
      written,
      cells: fault.shared === undefined ? [] : new CellNames(fault.shared).dump(MAX_CELLS),
      fatal: fault.fatal ?? false,
      ...(fault.schedule === undefined ? {} : { schedule: fault.schedule }),
      ...(fault.interleaving === undefined ? {} : { interleaving: fault.interleaving }),
    }
    this.#port.postMessage(message, [rings.buffer])
  }
}

/** Details as they will be read again; what does not survive JSON or is too long is replaced by a sentence. */
function survivesJson(details: unknown): unknown {
  try {
    const text = JSON.stringify(details, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))
    if (text === undefined) return `details are a ${typeof details}`
    return text.length <= MAX_DETAILS ? JSON.parse(text) : `${text.slice(0, MAX_DETAILS)}…`
  } catch (error) {
    return `details do not survive JSON: ${error instanceof Error ? error.message : error}`
  }
}

interface Thrown {
  oracle: string
  message: string
  details?: unknown
  stack?: string
}

/** A thrown value as a fault: an error may carry its oracle and details, as those of `lib` do. Does not throw. */
export function faultOf(thrown: unknown, otherwise: string): Thrown {
  try {
    return lookedAt(thrown, otherwise)
  } catch {
    // A getter or a trap of it threw.
    return { oracle: otherwise, message: `threw ${textOf(thrown)}` }
  }
}

function lookedAt(thrown: unknown, otherwise: string): Thrown {
  if (!(thrown instanceof Error)) return { oracle: otherwise, message: `threw ${textOf(thrown)}` }
  const { oracle, details, actual, expected } = thrown as Error & Record<string, unknown>
  const compared = 'actual' in thrown && 'expected' in thrown ? { actual, expected } : undefined
  const given = details ?? compared
  return {
    oracle: typeof oracle === 'string' ? oracle : otherwise,
    message: messageOf(thrown),
    ...(given === undefined ? {} : { details: given }),
    ...(thrown.stack === undefined ? {} : { stack: thrown.stack }),
  }
}

/** What is no error may be anything, and must not throw again when it is looked at. */
export const textOf = (thrown: unknown): string => (typeof thrown === 'string' ? thrown : inspected(thrown, 1))

function inspected(value: unknown, depth: number): string {
  try {
    return inspect(value, {
      depth,
      breakLength: Number.POSITIVE_INFINITY,
      maxStringLength: 200,
      customInspect: false,
    })
  } catch {
    // A getter or a trap of it threw: that it was there is all there is to say.
    return `a ${typeof value} that cannot be shown`
  }
}

/** On one line. Programming errors keep their class: "x is undefined" alone says little. */
function messageOf(error: Error): string {
  const plain = error.name === 'Error' || error.name === 'AssertionError' || 'oracle' in error
  const line =
    comparisonOf(error) ??
    String(error.message)
      .trim()
      .replace(/:?\s*\n\s*/g, ': ')
  return plain ? line : `${error.name}: ${line}`
}

const COMPARISONS: readonly unknown[] = ['strictEqual', 'deepStrictEqual', 'deepEqual']

/** Of two values Node draws a difference of several lines; while they are short, one line says it better. */
function comparisonOf(error: Error): string | undefined {
  const { actual, expected, operator } = error as Error & Record<string, unknown>
  if (!COMPARISONS.includes(operator)) return undefined
  const values = `${inspected(actual, 4)} !== ${inspected(expected, 4)}`
  if (values.length > MAX_COMPARISON) return undefined
  const [first] = error.message.split('\n', 1)
  return `${first.replace(/:?\s*(\S+ !== \S+)?$/, '')}: ${values}`
}
