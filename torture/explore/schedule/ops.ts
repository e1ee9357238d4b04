/**
 * The operations that the scheduler sees, and which of them depend on each other: two steps of different actors that do
 * not can be swapped without any thread noticing. Pure; the partial-order reduction rests on it, so it may call steps
 * dependent that are not (more is explored than needed), never the other way round.
 */

export const OP = {
  /** A body begins. */
  start: 0,
  /** All have opened their handles: the round begins for this thread. */
  gate: 1,
  load: 2,
  store: 3,
  add: 4,
  sub: 5,
  and: 6,
  or: 7,
  xor: 8,
  exchange: 9,
  compareExchange: 10,
  /** Compares, and goes to sleep: one step. */
  wait: 11,
  /** Returns from a wait, notified or timed out. */
  wake: 12,
  notify: 13,
  /** Reads the virtual clock, which moves by being read. */
  clock: 14,
  /** A delayed store reaches memory (only with store buffers). */
  drain: 15,
  /** A delayed store is put before the one that was delayed before it; a load finds what its cell held before. */
  overtake: 16,
  early: 17,
} as const

export const opName = (kind: number): string => Object.keys(OP).find(name => OP[name as keyof typeof OP] === kind)!

/** What a step did, as bits. */
export const DID = {
  /** It wrote its cell, if only the value that was there. */
  write: 1,
  /** The cell holds another value than before. */
  change: 2,
  /** A wait that went to sleep, rather than finding another value. */
  sleep: 4,
  /** A wake by time-out, rather than by notify. */
  timeOut: 8,
  /** The actor could not go before the step `enabler`. */
  awakened: 16,
  /** The strategy was asked. */
  chosen: 32,
  /** A store that went to the thread's store buffer. */
  delay: 64,
  /** A wait that may time out, whether it went to sleep or not: when, is counted from now. */
  timed: 128,
  /** The first one of a recorded call: what had ended before it matters. */
  begins: 256,
  /** In full order, with store buffers: its thread's was empty. */
  full: 512,
} as const

/** An effect as far as others can notice it. `bytes` is the width of the cell at `address`. */
export interface Effect {
  readonly kind: number
  readonly did: number
  readonly address: number
  readonly bytes: number
}

/**
 * Whether the order of two steps of different actors matters. Symmetric.
 *
 * It must not depend on what a third step does that is independent of the first: if `a` depends on what `b` does before
 * `c`, then on what it does after `c` as well. So a wait that finds another value still depends on notifies, since it
 * would have gone to sleep before the store, if it may time out on the clock as well; and a wake that was notified on
 * the clock, since it might have timed out. For the same reason the first step of a recorded call depends on every step of
 * others, rather than on the last ones of their calls: which one is the last may be up to what it finds.
 */
export function dependent(a: Effect, b: Effect): boolean {
  if ((movesClock(a) && isClocked(b)) || (isClocked(a) && movesClock(b))) return true
  if (beginsBeside(a, b)) return true
  const overlap = a.address < b.address + b.bytes && b.address < a.address + a.bytes
  if (!overlap) return false
  if (isAccess(a) && isAccess(b) && ((a.did | b.did) & DID.write) !== 0) return true
  return (a.kind === OP.notify && onQueue(b)) || (b.kind === OP.notify && onQueue(a)) || (didSleep(a) && didSleep(b))
}

/** A recorded call begins with one of them. */
export const beginsBeside = (a: Effect, b: Effect): boolean =>
  isWork(a) && isWork(b) && ((a.did | b.did) & DID.begins) !== 0

/** Anything but the beginning of a thread. */
export const isWork = ({ kind }: Pick<Effect, 'kind'>): boolean => kind >= OP.load

/** A time-out moves the clock, and whoever reads the clock moves it too. A wake that had to be notified cannot time out. */
export const movesClock = ({ kind, did }: Pick<Effect, 'kind' | 'did'>): boolean =>
  kind === OP.clock || (kind === OP.wake && (did & DID.awakened) === 0)

/** Moves the clock, or takes a deadline from it. */
export const isClocked = (step: Pick<Effect, 'kind' | 'did'>): boolean =>
  movesClock(step) || (step.kind === OP.wait && (step.did & DID.timed) !== 0)

const isAccess = ({ kind }: Effect) => (kind >= OP.load && kind <= OP.wait) || kind === OP.drain

/** Steps that serve, join or leave the queue of the threads that wait on a cell. Leaving commutes with all but serving. */
const onQueue = ({ kind }: Effect) => kind === OP.notify || kind === OP.wake || kind === OP.wait

const didSleep = ({ did }: Effect) => (did & DID.sleep) !== 0
