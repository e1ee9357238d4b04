/** What is kept of a hang: who stands still, since when, on which cell, and the stack of every thread. */
import { UNKNOWN_BUFFER } from './atomics.ts'
import { type Cell, CellNames } from './cells.ts'
import { type Control, MINE, stateName, threadBase } from './control.ts'
import type { Seat } from './load.ts'
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
  readonly stuck: boolean
  readonly forMs: number
  readonly awaited?: Awaited
  readonly stack: readonly string[]
}

export interface HangEvidence {
  readonly message: string
  readonly threads: readonly ThreadEvidence[]
  /** Named cells that are not zero. */
  readonly cells: readonly Cell[]
}

const MAX_CELLS = 200
/** Some tens of milliseconds do, unless the machine is overloaded: then patience is better than no stack. */
const STACKS_MS = 5000

export async function hangEvidence(
  control: Control,
  seats: readonly Seat[],
  stuck: readonly Stuck[],
  survey: readonly Stuck[],
  held: Held | undefined,
): Promise<HangEvidence> {
  const { words } = control
  const names = held && new CellNames(held.shared)
  const waits = survey.map(({ thread }) => awaitedWord(words, thread))
  const workers = seats.map(seat => Atomics.load(words, threadBase(seat.thread) + MINE.workerId))
  const stacks = await stacksIfPossible(workers)
  const threads = survey.map(({ thread, state, forMs, activity }): ThreadEvidence => {
    const word = waits[thread]
    const same = (other: Word | undefined) => other !== undefined && word !== undefined && sameWord(other, word)
    const besides = seats.filter(seat => seat.thread !== thread && same(waits[seat.thread])).map(seat => seat.label)
    return {
      thread: seats[thread].label,
      state: stateName(state),
      activity,
      stuck: stuck.some(one => one.thread === thread),
      forMs: Math.round(forMs),
      ...(word === undefined ? {} : { awaited: describeWord(word, names, held, besides) }),
      stack: stacks.get(workers[thread]) ?? [],
    }
  })
  return { message: summary(threads), threads, cells: names?.dump(MAX_CELLS) ?? [] }
}

/** Loaded when needed, and done without where Node was built without an inspector: the rest is evidence too. */
async function stacksIfPossible(workers: readonly number[]): Promise<ReadonlyMap<number, readonly string[]>> {
  try {
    const { stacksOf } = await import('./stacks.ts')
    return await stacksOf(workers, STACKS_MS)
  } catch (error) {
    console.error(`no stacks: ${error instanceof Error ? error.message : error}`)
    return new Map()
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

function describeWord(
  word: Word,
  names: CellNames | undefined,
  held: Held | undefined,
  besides: readonly string[],
): Awaited {
  const { expected } = word
  const original = held?.copies[0][word.buffer]
  if (!held || !original) return { cell: 'a word outside of what setup returned', expected, besides }
  const cell = names?.name(original, word.offset) ?? `buffer ${word.buffer}, byte ${word.offset}`
  return { cell, expected, value: new Int32Array(held.copies[word.copy][word.buffer], word.offset, 1)[0], besides }
}

/** `consumer[0] asleep for 5.0 s waiting for ring.head (is 3, was 3); producer[0] spinning for 5.1 s` */
function summary(threads: readonly ThreadEvidence[]): string {
  const parts = threads
    .filter(thread => thread.stuck)
    .map(({ thread, state, activity, forMs, awaited, stack }) => {
      const doing = activity === 'unknown' ? 'no progress' : activity
      const what = awaited === undefined ? '' : `, waiting for ${awaited.cell} ${standing(awaited)}`
      const where = awaited === undefined && stack.length > 0 ? ` in ${stack[0]}` : ''
      return `${thread} ${state}, ${doing} for ${(forMs / 1000).toFixed(1)} s${what}${where}`
    })
  return parts.join('; ')
}

const standing = ({ value, expected }: Awaited): string =>
  value === undefined ? '' : value === expected ? `(still ${value})` : `(was ${expected}, is ${value}: nobody notified)`
