/**
 * Schedules as a short text to paste: `a3b4a` is three steps of thread a, four of b, one of a. Drains of a thread's
 * store buffer are its letter in upper case; `!` lets the next operation happen out of its order. What else a replay needs stands before: `r17.` the round that the bodies'
 * random streams are of, `o2,1.` how often `more()` says yes to each thread.
 *
 *     schedule = ["r" number "."] ["o" number {"," number} "."] {actor [count]}
 *     actor    = "!" | "a".."z" | "A".."Z" | "{" thread "}" | "{+" thread "}"
 */
import { ASIDE, MOST_STEPS } from './board.ts'

export interface Schedule {
  /** Of the bodies' random streams. */
  readonly round: number
  /** How often `more()` says yes, by thread; left out: as the plan has it. */
  readonly ops?: readonly number[]
  /** The actor of each step: thread t is t, the store buffer of thread t is `threads` + t. */
  readonly actors: readonly number[]
}

const LETTERS = 26
const SMALL_A = 97
const CAPITAL_A = 65
/** What fits a signed word. */
const MOST = 2 ** 31 - 1

export function printSchedule({ round, ops, actors }: Schedule, threads: number): string {
  const head = `${round === 0 ? '' : `r${round}.`}${ops === undefined ? '' : `o${ops.join(',')}.`}`
  return head + encodeSchedule(actors, threads)
}

/** @throws Error of one line that names the position, counted from 1 */
export function parseSchedule(text: string, threads: number): Schedule {
  const reader = new Reader(text, threads)
  const round = reader.round()
  const ops = reader.ops()
  const actors = reader.actors()
  return { round, ...(ops !== undefined && { ops }), actors }
}

/** The steps alone, without what stands before them. */
export function encodeSchedule(actors: ArrayLike<number>, threads: number): string {
  let text = ''
  for (let at = 0; at < actors.length; ) {
    const actor = actors[at]
    const from = at
    while (at < actors.length && actors[at] === actor) at++
    text += at - from === 1 ? actorName(actor, threads) : `${actorName(actor, threads)}${at - from}`
  }
  return text
}

/** @throws Error of one line that names the position, counted from 1 */
export const decodeSchedule = (text: string, threads: number): number[] => new Reader(text, threads).actors()

/** `a`, `{26}`; for a store buffer `A`, `{+26}`. */
export function actorName(actor: number, threads: number): string {
  if (actor === ASIDE) return '!'
  const drain = actor >= threads
  const thread = drain ? actor - threads : actor
  if (thread >= LETTERS) return drain ? `{+${thread}}` : `{${thread}}`
  return String.fromCharCode((drain ? CAPITAL_A : SMALL_A) + thread)
}

/** Reads a text from left to right. */
class Reader {
  readonly #text: string
  readonly #threads: number
  #at = 0

  constructor(text: string, threads: number) {
    this.#text = text
    this.#threads = threads
  }

  round(): number {
    const head = this.#take(/r(\d*)\./y)
    return head === undefined ? 0 : this.#number(head[1], 1)
  }

  ops(): number[] | undefined {
    const head = this.#take(/o([\d,]*)\./y)
    if (head === undefined) return undefined
    const from = this.#at - head[1].length - 1
    const ops = head[1].split(',').map(digits => this.#number(digits, from))
    if (ops.length !== this.#threads) this.#refuse(from, `${ops.length} numbers after o for ${this.#threads} threads`)
    return ops
  }

  actors(): number[] {
    const actors: number[] = []
    while (this.#at < this.#text.length) {
      const from = this.#at
      const actor = this.#actor()
      const count = this.#number(this.#take(/\d+/y)?.[0] ?? '1', from)
      if (count === 0) this.#refuse(from, `'${this.#text.slice(from, this.#at)}' is no step`)
      if (actors.length + count > MOST_STEPS) this.#refuse(from, `more than ${MOST_STEPS} steps`)
      for (let n = 0; n < count; n++) actors.push(actor)
    }
    return actors
  }

  #actor(): number {
    const from = this.#at
    const found = this.#take(/!|[a-zA-Z]|\{\+?\d+\}/y)
    if (found === undefined) this.#refuse(from, `'${String.fromCodePoint(this.#text.codePointAt(from)!)}' is no thread`)
    const [name] = found
    if (name === '!') return ASIDE
    const lower = name.toLowerCase()
    const thread = name.startsWith('{') ? Number(name.replace(/\D/g, '')) : lower.charCodeAt(0) - SMALL_A
    if (thread >= this.#threads) this.#refuse(from, `'${name}' is none of ${this.#threads} threads`)
    return name !== lower || name.startsWith('{+') ? this.#threads + thread : thread
  }

  #number(digits: string, from: number): number {
    const number = Number(digits)
    if (digits === '' || number > MOST) this.#refuse(from, `'${digits.slice(0, 20)}' is no number up to ${MOST}`)
    return number
  }

  /** What the pattern finds at the present position, and passes it. */
  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (found === null) return undefined
    this.#at += found[0].length
    return found
  }

  #refuse(at: number, why: string): never {
    throw new Error(`schedule, character ${at + 1}: ${why}`)
  }
}
