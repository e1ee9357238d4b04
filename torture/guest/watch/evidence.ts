/** What is kept of a hang: who stands still, since when, on which cell, and the stack of every thread. */
import type { MessagePort } from 'node:worker_threads'
import { type Control, MINE, STATE, stateName, threadBase } from '../control.ts'
import type { Seat } from '../load.ts'
import { type Cell, CellNames } from '../report/cells.ts'
import { rebind, UNKNOWN_BUFFER } from '../shared.ts'
import { knock } from './knock.ts'
import type { Spun } from './spins.ts'
import type { Standstill } from './stacks.ts'
import type { Stuck } from './watchdog.ts'

/** What `setup` returned, as the main thread holds it. */
export interface Held {
  readonly shared: unknown
  readonly copies: readonly (readonly SharedArrayBuffer[])[]
}

export interface Awaited {
  readonly cell: string
  readonly expected: number
  readonly value?: number
  /** Other threads that wait for the same word. */
  readonly besides: readonly string[]
}

export interface ThreadEvidence {
  readonly thread: string
  readonly state: string
  readonly activity: Stuck['activity']
  /** Its event loop turns: what its body, or its import, awaits is a promise. */
  readonly awaiting: boolean
  readonly stuck: boolean
  /** Its body has returned, and it waits for the others. */
  readonly returned: boolean
  readonly forMs: number
  readonly awaited?: Awaited
  /** Words that a spinning thread looks at, with what is in them. */
  readonly spins: readonly Cell[]
  readonly stack: readonly string[]
}

export interface HangEvidence {
  readonly message: string
  readonly threads: readonly ThreadEvidence[]
  /** Named cells that are not zero, of the copy of the state that the first stuck thread works on. */
  readonly cells: readonly Cell[]
}

const MAX_CELLS = 200
/** Some tens of milliseconds do, unless the machine is overloaded: then patience is better than no stack. */
const STACKS_MS = 5000

export async function hangEvidence(
  control: Control,
  ports: readonly MessagePort[],
  seats: readonly Seat[],
  stuck: readonly Stuck[],
  survey: readonly Stuck[],
  held: Held | undefined,
): Promise<HangEvidence> {
  const { words } = control
  const memory = held && new Memory(held)
  const isStuck = (thread: number) => stuck.some(one => one.thread === thread)
  const waits = survey.map(({ thread }) => awaitedWord(words, thread))
  const workers = seats.map(seat => Atomics.load(words, threadBase(seat.thread) + MINE.workerId))
  const turns = await knock(
    ports,
    control,
    stuck.map(({ thread }) => thread),
  )
  // Those that seem to sleep, too: on a crowded machine a thread that spins has had little of a CPU, and may be met in a
  // nap of its jitter. And those that have stood still nearly as long.
  const long = Math.min(...stuck.map(({ forMs }) => forMs)) / 2
  const spinning = survey.filter(
    ({ thread, state, forMs }) =>
      (isStuck(thread) || (state === STATE.running && forMs > long)) && !waits[thread] && !turns(thread),
  )
  const stacks = await stacksIfPossible(workers, new Set(spinning.map(({ thread }) => workers[thread])))
  const threads = survey.map(({ thread, state, forMs, activity }): ThreadEvidence => {
    const word = waits[thread]
    const same = (other: Word | undefined) => other !== undefined && word !== undefined && sameWord(other, word)
    const besides = seats.filter(seat => seat.thread !== thread && same(waits[seat.thread])).map(seat => seat.label)
    const { frames = [], spins = [] } = stacks.get(workers[thread]) ?? {}
    return {
      thread: seats[thread].label,
      state: stateName(state),
      activity: spins.length > 0 ? 'spinning' : activity,
      awaiting: turns(thread),
      stuck: isStuck(thread),
      returned: state === STATE.waiting,
      forMs: Math.round(forMs),
      ...(word === undefined ? {} : { awaited: describeWord(word, memory, besides) }),
      spins: spins.flatMap(spun => memory?.cell(spun) ?? []),
      stack: frames,
    }
  })
  const copy = Atomics.load(words, threadBase(stuck[0].thread) + MINE.copy)
  return { message: summary(threads), threads, cells: memory?.names(copy).dump(MAX_CELLS) ?? [] }
}

/** Loaded when needed, and done without where Node was built without an inspector: the rest is evidence too. */
async function stacksIfPossible(
  workers: readonly number[],
  spinning: ReadonlySet<number>,
): Promise<ReadonlyMap<number, Standstill>> {
  try {
    const { stacksOf } = await import('./stacks.ts')
    return await stacksOf(workers, spinning, STACKS_MS)
  } catch (error) {
    console.error(`no stacks: ${error instanceof Error ? error.message : error}`)
    return new Map()
  }
}

/** The shared state and its copies, by name. */
class Memory {
  readonly #held: Held
  readonly #names = new Map<number, CellNames>()

  constructor(held: Held) {
    this.#held = held
  }

  /** Names and values of one copy's cells. */
  names(copy: number): CellNames {
    const { shared, copies } = this.#held
    let names = this.#names.get(copy)
    if (names === undefined) {
      names = new CellNames(copy === 0 ? shared : rebind(shared, copies[copy]))
      this.#names.set(copy, names)
    }
    return names
  }

  cell({ buffer, copy, offset }: Spun): Cell | undefined {
    const memory = this.#held.copies[copy]?.[buffer]
    if (memory === undefined) return undefined
    const name = this.names(copy).name(memory, offset) ?? `buffer ${buffer}, byte ${offset}`
    return { name, value: new DataView(memory).getInt32(Math.min(offset, memory.byteLength - 4), true) }
  }
}

interface Word {
  readonly buffer: number
  readonly copy: number
  readonly offset: number
  readonly bytes: number
  readonly expected: number
}

function awaitedWord(words: Int32Array, thread: number): Word | undefined {
  const at = (field: number) => Atomics.load(words, threadBase(thread) + field)
  const buffer = at(MINE.awaitedBuffer)
  if (buffer === 0) return undefined
  return {
    buffer: buffer - 1,
    copy: at(MINE.awaitedCopy),
    offset: at(MINE.awaitedOffset),
    bytes: at(MINE.awaitedBytes),
    expected: at(MINE.awaitedValue),
  }
}

const sameWord = (a: Word, b: Word): boolean =>
  a.buffer === b.buffer && a.copy === b.copy && a.offset === b.offset && a.buffer !== UNKNOWN_BUFFER

function describeWord(word: Word, memory: Memory | undefined, besides: readonly string[]): Awaited {
  const { expected } = word
  const cell = memory?.cell(word)
  if (cell === undefined) return { cell: 'a word outside of what setup returned', expected, besides }
  return { cell: cell.name, expected, value: cell.value, besides }
}

/** `consumer[0] running, asleep for 5.0 s, waiting for ring.head (still 3); producer[0] running, spinning for 5.1 s` */
function summary(threads: readonly ThreadEvidence[]): string {
  const parts = threads
    .filter(thread => thread.stuck)
    .map(({ thread, state, activity, awaiting, forMs, awaited, spins, stack }) => {
      const doing = awaiting ? 'awaiting a promise' : activity === 'unknown' ? 'no progress' : activity
      const loop = awaiting ? LOOP[activity] : ''
      const what = awaited === undefined ? '' : `, waiting for ${awaited.cell} ${standing(awaited)}`
      const on = spins.length === 0 ? '' : ` on ${spins.map(({ name, value }) => `${name} (is ${value})`).join(', ')}`
      const [top] = awaiting ? stack.filter(isOfProgram) : stack
      const where = awaited === undefined && on === '' && top !== undefined ? ` in ${top}` : ''
      return `${thread} ${state}, ${doing} for ${(forMs / 1000).toFixed(1)} s${loop}${what}${on}${where}`
    })
  return parts.join('; ')
}

/** What the event loop of a thread that awaits a promise does meanwhile. */
const LOOP: Readonly<Record<Stuck['activity'], string>> = {
  asleep: ', its event loop idle',
  spinning: ', its event loop busy',
  unknown: '',
}

const standing = ({ value, expected }: Awaited): string =>
  value === undefined ? '' : value === expected ? `(still ${value})` : `(was ${expected}, is ${value}: nobody notified)`

/** Frames that say something of the program: not those by which the harness called it. */
const HARNESS = /[ (\\/]torture[\\/](guest|explore)[\\/]|[\\/]piscina[\\/]dist[\\/]worker\.js|\(node:/
const isOfProgram = (frame: string): boolean => !HARNESS.test(frame)
const MOST_FRAMES = 4
const MOST_SHOWN = 12

/** The evidence to be shown below the message: where each thread stands, who has returned, and what the cells hold. */
export function evidenceLines({ threads, cells }: HangEvidence): string[] {
  const rows = threads.map(({ thread, stuck, returned, awaiting, state, stack }): [string, string] => {
    const frames = stack.filter(isOfProgram).slice(0, MOST_FRAMES)
    const at = frames.map(frame => frame.replace(/ \((.*)\)$/, ' $1')).join(' \u2190 ')
    const none = awaiting ? 'awaits a promise: nothing of it is on the stack' : 'no stack'
    return [thread, stuck ? at || none : returned ? 'has returned' : `${state} ${at}`.trim()]
  })
  const values = cells.slice(0, MOST_SHOWN).map(({ name, value }) => `${name}=${value}`)
  if (cells.length > MOST_SHOWN) values.push('\u2026')
  if (values.length > 0) rows.push(['cells', values.join(' ')])
  const width = Math.max(...rows.map(([label]) => label.length))
  return rows.map(([label, text]) => `${label.padEnd(width)}  ${text}`)
}
