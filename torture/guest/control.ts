/**
 * The control block: the shared words through which the guest's main thread and its workers see each other. The main
 * thread never blocks on them; it looks now and then. Everything is in 32-bit words except the clock values, the
 * counters and the returned numbers, which are doubles written by one side only and read for information.
 */
import { ENTRY_WORDS, MAX_SITES } from '../../lib/shm/sites.ts'

/** Words of the whole guest. Those that threads hammer have a cache line (16 words) of their own. */
export const WORD = {
  /** What happens after the present round: see `NEXT`. Written by thread 0 between rounds. */
  next: 0,
  /** The round whose end the main thread has announced (low 32 bits). */
  endRound: 1,
  /** Set once by anyone: no further round. */
  stop: 2,
  /** Moved whenever the main thread wants paused threads to look up. */
  nudge: 3,
  /** A tiny round called `more()`, or returned a promise: go back to long rounds. */
  wantsLong: 4,
  /** Rounds of the present batch, and the last batch of which values had to be cloned: see `tiny.ts`. */
  batch: 5,
  cloned: 6,
  /** 1 from the opening of a long round's gate to the return of all its bodies. */
  inRound: 7,
  /** Number of the present long round, low 32 bits. */
  round: 8,
  /** Set by the main thread when somebody outside wants an end: what is not finished is not worth its time. */
  hurry: 9,
  /** Tiny rounds: how many lie between two meetings. */
  stride: 10,
  /** Threads asleep at a meeting, and what wakes them. */
  sleepers: 16,
  bell: 32,
} as const

/** Doubles of the whole guest: milliseconds on the clock of `now()`, and rounds. */
export const CLOCK = { wake: 0, gateOpened: 1, roundStarted: 2, worked: 3, rounds: 4 } as const

export const NEXT = { long: 0, tiny: 1, leave: 2 } as const

/** Words of one thread, relative to `threadBase`. */
export const MINE = {
  state: 0,
  /** Counts calls of `more()` and finished tiny rounds. */
  beat: 1,
  /** What the main thread wants of this thread: bits of `ATTENTION`. 0: nothing, go on. */
  attention: 2,
  /** How long to leave for, ms. */
  leaveMs: 3,
  left: 4,
  stuttered: 5,
  /** Kernel thread id (0: unknown) and worker id. */
  tid: 6,
  workerId: 7,
  /** The awaited word: its buffer's number + 1 (0: not waiting), byte offset, expected value, bytes, copy. */
  awaitedBuffer: 8,
  awaitedOffset: 9,
  awaitedValue: 10,
  awaitedBytes: 11,
  awaitedCopy: 12,
  /** Entries in the flight recorder: see `configureSites`. */
  cursor: 13,
  /** Whether this thread's body threw in the present long round. */
  threw: 14,
  /** The copy of the state that its body works on: in a batch of tiny rounds the round's, otherwise 0. */
  copy: 15,
  /** Set when it has answered a knock: its event loop turns. */
  answered: 16,
  /** How often it has arrived at a meeting; alone in its cache line wherever the block begins. */
  arrivals: 32,
} as const

export const ATTENTION = { end: 1, stutter: 2, leave: 4 } as const

/** What a thread is doing. Those from `importing` to `checking` must make progress, the others need not. */
export const STATE = {
  idle: 0,
  waiting: 1,
  paused: 2,
  done: 3,
  /** Under the explorer: somebody else has the turn. */
  suspended: 4,
  importing: 5,
  setup: 6,
  opening: 7,
  running: 8,
  checking: 9,
} as const
export const stateName = (state: number): string =>
  Object.keys(STATE).find(name => STATE[name as keyof typeof STATE] === state) ?? `state ${state}`

const GLOBAL_WORDS = 48
const THREAD_WORDS = 48
const CLOCK_DOUBLES = 16

/** Most names (counters, near misses, failures) that one thread can count. */
export const MAX_SLOTS = 512
export const RING_ENTRIES = 4096

export interface Control {
  readonly threads: number
  readonly words: Int32Array
  readonly clock: Float64Array
  /** Named numbers, `MAX_SLOTS` a thread. */
  readonly slots: Float64Array
  /** Passes of sites, `MAX_SITES` a thread. */
  readonly hits: Int32Array
  /** Flight recorders, `RING_ENTRIES` of `ENTRY_WORDS` a thread. */
  readonly rings: Int32Array
}

export function makeControl(threads: number): Control {
  const shared = (bytes: number) => new SharedArrayBuffer(bytes)
  return {
    threads,
    words: new Int32Array(shared(4 * (GLOBAL_WORDS + THREAD_WORDS * threads))),
    clock: new Float64Array(shared(8 * CLOCK_DOUBLES)),
    slots: new Float64Array(shared(8 * MAX_SLOTS * threads)),
    hits: new Int32Array(shared(4 * MAX_SITES * threads)),
    rings: new Int32Array(shared(4 * ENTRY_WORDS * RING_ENTRIES * threads)),
  }
}

export const threadBase = (thread: number): number => GLOBAL_WORDS + THREAD_WORDS * thread

export const slotsOf = (control: Control, thread: number): Float64Array =>
  control.slots.subarray(MAX_SLOTS * thread, MAX_SLOTS * (thread + 1))

export const hitsOf = (control: Control, thread: number): Int32Array =>
  control.hits.subarray(MAX_SITES * thread, MAX_SITES * (thread + 1))

export const ringOf = (control: Control, thread: number): Int32Array =>
  control.rings.subarray(ENTRY_WORDS * RING_ENTRIES * thread, ENTRY_WORDS * RING_ENTRIES * (thread + 1))

export const cursorOf = (control: Control, thread: number): Int32Array => {
  const at = threadBase(thread) + MINE.cursor
  return control.words.subarray(at, at + 1)
}

/** Milliseconds on the clock that all threads of a process share. */
export const now = (): number => performance.timeOrigin + performance.now()

/** Ends a long round: `more()` is false from now on in every thread, and those asleep in it wake up. Anyone may call it. */
export function endRound(control: Control, round: number): void {
  const { words } = control
  Atomics.store(words, WORD.endRound, round)
  for (let t = 0; t < control.threads; t++) Atomics.or(words, threadBase(t) + MINE.attention, ATTENTION.end)
  Atomics.add(words, WORD.nudge, 1)
  Atomics.notify(words, WORD.nudge)
}
