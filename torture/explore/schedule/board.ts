/**
 * Everything that is to be known of one execution, in shared memory: whatever thread has the baton reads and writes it
 * with plain accesses, since handing the baton over orders them. Nothing here is ever touched by two threads at once.
 */

import { BOARD_BYTES, MOST_ACTORS, MOST_STEPS } from '../sizes.ts'
import { DID, OP } from './ops.ts'
import { mix, SharedRandom } from './random.ts'

export { MOST_ACTORS, MOST_STEPS }

/** The actor of decisions that are none between threads. */
export const ASIDE = MOST_ACTORS

/** Words of the execution as a whole. */
export const HEAD = {
  /** See `ENDING`; 0 while it runs. */
  ending: 0,
  /** Who brought the end about, or -1. */
  culprit: 1,
  steps: 2,
  /** The actor of the last step; -1 before the first. */
  last: 3,
  /** Actors whose pending operation can be carried out. */
  enabled: 4,
  /** Those among them that repeat themselves: they go only when nobody else can. */
  spinning: 5,
  /** Threads that have not returned. */
  unfinished: 6,
  /** Threads that have not yet opened their handles. */
  opening: 7,
  /** Steps at which the strategy was asked. */
  choices: 8,
  /** Of the next wait: queues are served in this order. */
  ticket: 9,
  /** Steps since a cell last changed while only spinning threads could go. */
  idle: 10,
  /** Which strategy is asked. */
  strategy: 11,
  /** Waits, synchronous or not, that are in the queues. */
  waiting: 12,
  /** Whether only operations on cells of the focus are choices. */
  focused: 13,
  /** Of the bodies' random streams. */
  round: 14,
  /** Set when all threads are to leave their bodies. */
  abandoned: 15,
  /** Set by thread 0 at the very end. */
  leave: 16,
  /** Switches away from a thread that could have gone on. */
  preemptions: 17,
  /** Whether steps record where they are in the source. */
  traced: 18,
  /** Whether the strategy was asked about the step that is about to be done. */
  asked: 19,
  random: 20,
  /** A thread that repeats itself is let run on once in so many times; 0: never. */
  burstOneIn: 24,
  /** Whether a body returned something that went to thread 0 as a message. */
  cloned: 25,
  /** Threads that repeated themselves when the execution ended. */
  stuck: 26,
  /** Steps of each spinning thread, while nobody else can go, before it is called a livelock; 0: as a rule. */
  spinBound: 27,
  /** Choices that are to be expected, where that is not what executions before had; 0: unknown. */
  expected: 28,
  /** Steps after which lots are drawn instead of asking the strategy; 0: never. */
  fairAfter: 29,
  /** Steps after which the execution is cut off. 0: MOST_STEPS. */
  stepLimit: 30,
  /** Steps from which on one of the two matters, or the execution is over: see `Scheduler.next`. */
  horizon: 47,
  /** Whether an operation in full order waits until its thread's store buffer is empty, as who cannot go, or empties it. */
  fullWaits: 48,
  /** Whether, when it should have waited, a thread ever emptied its buffer itself. */
  emptied: 49,
  /** Awaits of something that nobody controls, in all executions. */
  foreignAwaits: 31,
  /** Whether a body used memory that `setup` did not return. */
  hidden: 32,
  /** Whether a thread was ever seen to repeat itself. */
  spun: 33,
  /** Whether a thread ever had several asynchronous waits at once. */
  crowded: 34,
  /** Whether delayed stores are held back: see `Reordering`, whose words the others are. Buffers that have some. */
  holdsBack: 35,
  held: 36,
  /** Who goes when a buffer has; -1: nobody in particular. */
  after: 37,
  /** Questions whether something is to happen out of its order: so far, which one is answered with yes, most ever. */
  asides: 38,
  moment: 39,
  mostAsides: 40,
  /** Delayed stores that are to reach memory next, of the thread that is held up. */
  exposing: 41,
  stalled: 42,
  /** Times that an operation is repeated before its thread makes way for others; less than is usual: as usual. */
  patience: 43,
  /** Most rounds of a loop that was left although no cell had changed that it looks at, in all executions. */
  gaveUp: 44,
  /** Executions given up because what nobody controls did not come. */
  givenUp: 45,
  /** Whether a thread ever started workers of its own. */
  workers: 46,
} as const

export const ENDING = {
  none: 0,
  /** All bodies returned. */
  finished: 1,
  /** A body threw, or reported a failure, or `always` did not hold. */
  failed: 2,
  /** Nobody can ever go on: all unfinished threads sleep. */
  deadlock: 3,
  /** Those that can go on repeat themselves without changing anything. */
  livelock: 4,
  /** Too long: given up. */
  cutOff: 5,
  /** A replayed schedule named an actor that could not go. */
  misfit: 6,
} as const

/** Words of one actor. */
export const ACTOR = {
  /** Its pending operation. */
  kind: 0,
  address: 1,
  bytes: 2,
  /** Steps it has made. */
  steps: 3,
  /** The step that made its pending operation possible; -1: it was possible from the beginning. */
  enabler: 4,
  /** How often `more()` may still say yes. */
  ops: 5,
  /** 1: it repeats itself and is let run on, without the strategy being asked. */
  bursting: 6,
  /** Steps in which a spinning thread last looked at its cells: their number, and then which ones. */
  watching: 7,
  watched: 8,
  /** The wait that its pending wake ends; -1: any of its asynchronous ones. */
  awaits: 24,
  /** Bits of `DID` that its pending operation has whatever comes of it. */
  also: 25,
} as const
export const MOST_WATCHED = 16

/** Words of a step in the trace. */
export const STEP = { what: 0, address: 1, enabled: 2, read: 3, wrote: 4, enabler: 5 } as const
const STEP_WORDS = 6

const HEAD_WORDS = 56
/** Words of an actor, as a power of two: in the hot loop a shift and an or need no check for overflow. */
const ACTOR_BITS = 5
const ACTOR_WORDS = 1 << ACTOR_BITS
/** Words of shared memory that a strategy may use. */
export const SCRATCH_PART = 1 << 12
const SCRATCH_WORDS = 16 * SCRATCH_PART

export class Board {
  readonly threads: number
  readonly memory: SharedArrayBuffer
  readonly head: Int32Array
  readonly trace: Int32Array
  readonly random: SharedRandom
  /** Virtual milliseconds since the beginning of the execution. */
  readonly clock: Float64Array
  readonly #actors: Int32Array
  readonly #scratch: Int32Array

  /** @param memory of another thread's board of the same size; left out: new memory */
  constructor(threads: number, memory?: SharedArrayBuffer) {
    this.threads = threads
    this.memory = memory ?? new SharedArrayBuffer(BOARD_BYTES)
    let at = 8
    const take = (count: number) => {
      const part = new Int32Array(this.memory, at, count)
      at += 4 * count
      return part
    }
    this.clock = new Float64Array(this.memory, 0, 1)
    this.head = take(HEAD_WORDS)
    this.#actors = take(ACTOR_WORDS * (MOST_ACTORS + 1))
    this.#scratch = take(SCRATCH_WORDS)
    this.trace = take(STEP_WORDS * MOST_STEPS)
    this.random = new SharedRandom(new Uint32Array(this.memory, this.head.byteOffset + 4 * HEAD.random, 4))
  }

  /** Shared memory for one strategy, `SCRATCH_PART` words; the same ones in every thread. */
  scratch(part: number): Int32Array {
    return this.#scratch.subarray(SCRATCH_PART * part, SCRATCH_PART * (part + 1))
  }

  of(actor: number, word: number): number {
    return this.#actors[(actor << ACTOR_BITS) | word]
  }

  set(actor: number, word: number, value: number): void {
    this.#actors[(actor << ACTOR_BITS) | word] = value
  }

  /** Actors that a strategy may choose among. */
  get eligible(): number {
    return this.head[HEAD.enabled] & ~(this.head[HEAD.spinning] | this.head[HEAD.stalled])
  }

  get steps(): number {
    return this.head[HEAD.steps]
  }

  get last(): number {
    return this.head[HEAD.last]
  }

  actorAt(step: number): number {
    return this.trace[Math.imul(STEP_WORDS, step)] & 31
  }

  kindAt(step: number): number {
    return (this.trace[Math.imul(STEP_WORDS, step)] >> 5) & 31
  }

  bytesAt(step: number): number {
    return 1 << ((this.trace[Math.imul(STEP_WORDS, step)] >> 10) & 3)
  }

  /** Bits of `DID`. */
  didAt(step: number): number {
    return this.trace[Math.imul(STEP_WORDS, step)] >>> 12
  }

  /** @param word of `STEP` */
  at(step: number, word: number): number {
    return this.trace[(Math.imul(STEP_WORDS, step) + word) | 0]
  }

  /** Notes a step as the last one. The values are those of the cell, or their low 32 bits. */
  note(actor: number, did: number, enabled: number, read: number, wrote: number): void {
    const { head, trace } = this
    const actors = this.#actors
    const from = actor << ACTOR_BITS
    const step = head[HEAD.steps]
    const at = Math.imul(STEP_WORDS, step)
    const width = 31 - Math.clz32(actors[from | ACTOR.bytes])
    const enabler = actors[from | ACTOR.enabler]
    if (enabler >= 0) did |= DID.awakened
    if (head[HEAD.asked] === 1) {
      did |= DID.chosen
      head[HEAD.asked] = 0
    }
    const kind = actors[from | ACTOR.kind]
    const also = actors[from | ACTOR.also]
    if (also !== 0 && kind >= OP.load) {
      did |= also
      actors[from | ACTOR.also] = 0
    }
    trace[at] = actor | (kind << 5) | (width << 10) | (did << 12)
    trace[(at + STEP.address) | 0] = actors[from | ACTOR.address]
    trace[(at + STEP.enabled) | 0] = enabled
    trace[(at + STEP.read) | 0] = read
    trace[(at + STEP.wrote) | 0] = wrote
    trace[(at + STEP.enabler) | 0] = enabler
    head[HEAD.steps] = (step + 1) | 0
    head[HEAD.last] = actor
    actors[from | ACTOR.steps] = (actors[from | ACTOR.steps] + 1) | 0
  }

  /** What an actor is about to do, with nothing that made it possible. */
  pend(actor: number, kind: number, address: number, bytes: number): void {
    const actors = this.#actors
    const at = actor << ACTOR_BITS
    actors[at | ACTOR.kind] = kind
    actors[at | ACTOR.address] = address
    actors[at | ACTOR.bytes] = bytes
    actors[at | ACTOR.enabler] = -1
  }

  /** Adds bits of `DID` to the last step. */
  addTo(step: number, did: number): void {
    this.trace[STEP_WORDS * step] |= did << 12
  }

  /** Makes ready for an execution. @param ops how often `more()` says yes, by thread */
  reset(seed: number, execution: number, ops: ArrayLike<number>, opening: boolean): void {
    const { head, threads } = this
    const all = 2 ** threads - 1
    head[HEAD.ending] = ENDING.none
    head[HEAD.culprit] = -1
    head[HEAD.steps] = 0
    head[HEAD.last] = -1
    head[HEAD.enabled] = all
    head[HEAD.spinning] = 0
    head[HEAD.unfinished] = all
    head[HEAD.opening] = opening ? all : 0
    head[HEAD.choices] = 0
    head[HEAD.ticket] = 0
    head[HEAD.idle] = 0
    head[HEAD.waiting] = 0
    head[HEAD.abandoned] = 0
    head[HEAD.preemptions] = 0
    head[HEAD.asked] = 0
    head[HEAD.cloned] = 0
    head[HEAD.horizon] = Math.min(MOST_STEPS, head[HEAD.fairAfter] || MOST_STEPS, head[HEAD.stepLimit] || MOST_STEPS)
    this.clock[0] = 0
    this.random.seed(mix(seed, execution))
    const actors = this.#actors
    for (let t = 0; t < threads; t++) {
      const at = ACTOR_WORDS * t
      actors[at + ACTOR.kind] = 0
      actors[at + ACTOR.address] = 0
      actors[at + ACTOR.bytes] = 1
      actors[at + ACTOR.steps] = 0
      actors[at + ACTOR.enabler] = -1
      actors[at + ACTOR.ops] = ops[t]
      actors[at + ACTOR.bursting] = 0
      actors[at + ACTOR.also] = 0
    }
  }
}

/** The schedule of the steps done so far. */
export function scheduleOf(board: Board): number[] {
  return Array.from({ length: board.steps }, (_, step) => board.actorAt(step))
}

/** Number of the lowest bit of a mask that is not 0. */
export const lowest = (mask: number): number => 31 - Math.clz32(mask & -mask)

export const isSingle = (mask: number): boolean => (mask & (mask - 1)) === 0

/** The n-th lowest bit of a mask, from 0. */
export function nthOf(mask: number, n: number): number {
  for (; n > 0; n--) mask &= mask - 1
  return lowest(mask)
}

export function sizeOf(mask: number): number {
  let size = 0
  for (; mask !== 0; mask &= mask - 1) size++
  return size
}
