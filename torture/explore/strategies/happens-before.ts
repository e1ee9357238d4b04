/**
 * Which steps of an execution happen before which: vector clocks (Mattern, 1989) over the dependence of steps, kept from
 * one execution to the next as far as their beginnings are the same.
 *
 * A step comes after the earlier ones of its actor; after those that `dependent` says it depends on; after the one that
 * made it possible; if its thread was spinning, after all steps that could have roused it, so that it does not matter
 * which of them came first; and if it went because nobody else could, after everything.
 *
 * Invariant: the order is the same for all executions that differ only in the order of independent neighbours. The lists
 * by cell are an index of `dependent` and nothing else: the tests compare with what all pairs give.
 */
import { type Board, MOST_ACTORS, STEP } from '../board.ts'
import { DID, dependent, type Effect, OP } from '../ops.ts'
import { effectAt, type StepEffect } from '../scheduler.ts'

/** Lists of the steps on a cell, by what they are to others. Cells of up to 8 bytes share their lists by 8 bytes. */
const LIST = { reads: 0, writes: 1, sleeps: 2, wakes: 3, notifies: 4 } as const
const LISTS = 8
/** Lists of all cells. */
const CLOCKED = -1
const CHANGES = -2

const STRIDE = MOST_ACTORS + 1

/**
 * Whether the order of two steps matters.
 * @param everyState if somebody looks at all cells after every step, then the order of any two changes does as well
 */
export const ordered = (a: Effect, b: Effect, everyState: boolean): boolean =>
  dependent(a, b) || (everyState && (a.did & b.did & DID.change) !== 0)

export class HappensBefore {
  readonly #everyState: boolean
  readonly #effects: StepEffect[] = []
  /** For each step and actor its last step that happens before or is the step itself, or -1. */
  #clocks = new Int32Array(STRIDE << 8)
  readonly #lists = new Map<number, number[]>()
  /** The lists that each step is in. */
  readonly #memberships: number[][][] = []
  /** For each step the one before of the same actor, or -1. */
  readonly #previous: number[] = []
  readonly #last = new Int32Array(STRIDE).fill(-1)
  #actors = 0

  constructor(everyState: boolean) {
    this.#everyState = everyState
  }

  get steps(): number {
    return this.#effects.length
  }

  effect(step: number): StepEffect {
    return this.#effects[step]
  }

  /** Whether the order of two steps, `before` the earlier one, is fixed. */
  isBefore(before: number, step: number): boolean {
    return this.#clocks[STRIDE * step + this.#effects[before].actor] >= before
  }

  /** Forgets all steps from this one on. */
  rewind(step: number): void {
    for (let at = this.steps - 1; at >= step; at--) {
      for (const list of this.#memberships[at]) list.pop()
      this.#last[this.#effects[at].actor] = this.#previous[at]
    }
    this.#effects.length = step
    this.#memberships.length = step
    this.#previous.length = step
  }

  /**
   * Takes in the next step of the trace.
   * @returns the earlier steps that it is in a reversible race with: of other actors, dependent, with nothing between
   * them in the order, and such that the later one could have gone without the earlier one
   */
  extend(board: Board): number[] {
    const step = this.steps
    const effect = effectAt(board, step)
    const { actor } = effect
    const clock = this.#open(step, actor)
    const races: number[] = []
    if ((board.at(step, STEP.enabled) & (1 << actor)) === 0) this.#joinAll(clock)
    else {
      const enablers = this.#enablers(board, step, effect)
      const candidates = [...this.#candidates(effect), ...enablers].sort((a, b) => b - a)
      for (const before of candidates) {
        if (this.#clocks[clock + this.#effects[before].actor] >= before) continue
        if (enablers.length === 0 || enablers.some(e => e !== before && !this.isBefore(before, e))) races.push(before)
        this.#join(clock, before)
      }
    }
    this.#clocks[clock + actor] = step
    this.#enter(step, effect)
    return races
  }

  /**
   * Actors that can go first in what is left of the steps between `from` and `to` without those that happen after
   * `from`.
   * @param wanted stops as soon as one of these is among them
   */
  initials(from: number, to: number, wanted: number): number {
    const first: number[] = []
    let found = 0
    for (let step = from + 1; step < to && (found & wanted) === 0; step++) {
      const { actor } = this.#effects[step]
      if (first[actor] !== undefined || this.isBefore(from, step)) continue
      const clock = STRIDE * step
      if (first.every((other, a) => this.#clocks[clock + a] < other)) found |= 1 << actor
      first[actor] = step
    }
    return found
  }

  /** Whether an actor that does nothing else in what is left of those steps could do this one first as well as last. */
  canBeFirst(from: number, to: number, effect: StepEffect): boolean {
    for (let step = from + 1; step < to; step++) {
      const other = this.#effects[step]
      if (this.isBefore(from, step)) continue
      if (other.actor === effect.actor || ordered(other, effect, this.#everyState)) return false
    }
    return true
  }

  /** Makes room for a step's clock, with what its actor knows. Returns where it is. */
  #open(step: number, actor: number): number {
    const clock = STRIDE * step
    if (clock + STRIDE > this.#clocks.length) {
      const larger = new Int32Array(2 * this.#clocks.length)
      larger.set(this.#clocks)
      this.#clocks = larger
    }
    this.#actors = Math.max(this.#actors, actor + 1)
    const previous = this.#last[actor]
    this.#previous.push(previous)
    if (previous < 0) this.#clocks.fill(-1, clock, clock + STRIDE)
    else this.#clocks.copyWithin(clock, STRIDE * previous, STRIDE * (previous + 1))
    return clock
  }

  #join(clock: number, step: number): void {
    const clocks = this.#clocks
    const other = STRIDE * step
    for (let a = 0; a < this.#actors; a++)
      if (clocks[other + a] > clocks[clock + a]) clocks[clock + a] = clocks[other + a]
  }

  #joinAll(clock: number): void {
    for (let a = 0; a < this.#actors; a++) if (this.#last[a] > this.#clocks[clock + a]) this.#join(clock, this.#last[a])
  }

  #enter(step: number, effect: StepEffect): void {
    const lists = this.#keysOf(effect).map(key => this.#list(key))
    for (const list of lists) list.push(step)
    this.#effects.push(effect)
    this.#memberships.push(lists)
    this.#last[effect.actor] = step
  }

  /** The lists that a step belongs to. */
  #keysOf(effect: StepEffect): number[] {
    const { kind, did } = effect
    const cell = cellOf(effect)
    const keys: number[] = []
    if (kind === OP.clock || (did & DID.timeOut) !== 0) keys.push(CLOCKED)
    if (this.#everyState && (did & DID.change) !== 0) keys.push(CHANGES)
    if ((did & DID.write) !== 0) keys.push(cell + LIST.writes)
    else if (kind >= OP.load && kind <= OP.wait) keys.push(cell + LIST.reads)
    if ((did & DID.sleep) !== 0) keys.push(cell + LIST.sleeps)
    if (kind === OP.wake) keys.push(cell + LIST.wakes)
    if (kind === OP.notify) keys.push(cell + LIST.notifies)
    return keys
  }

  #list(key: number): number[] {
    const list = this.#lists.get(key)
    if (list !== undefined) return list
    const made: number[] = []
    this.#lists.set(key, made)
    return made
  }

  /** Earlier steps that a step depends on; those that others among them happen after may be missing. */
  #candidates(effect: StepEffect): number[] {
    const found: number[] = []
    const cell = cellOf(effect)
    for (const key of this.#keysOf(effect)) {
      if (key < 0) this.#scan(key, effect, found, true)
      else if (key === cell + LIST.reads) this.#scan(cell + LIST.writes, effect, found, true)
      else if (key === cell + LIST.writes) {
        const covered = this.#scan(key, effect, found, true)
        this.#scan(cell + LIST.reads, effect, found, false, covered)
      } else if (key === cell + LIST.notifies) {
        const covered = this.#scan(key, effect, found, true)
        this.#scan(cell + LIST.sleeps, effect, found, false, covered)
        this.#scan(cell + LIST.wakes, effect, found, false, covered)
      } else {
        this.#scan(cell + LIST.notifies, effect, found, true)
        if (key === cell + LIST.sleeps) this.#scan(key, effect, found, true)
      }
    }
    return found
  }

  /**
   * @param covering the first step found on the same cell covers all before it: they all happen before that one
   * @param floor    earlier steps do not matter
   * @returns the covering step, or -1
   */
  #scan(key: number, effect: StepEffect, found: number[], covering: boolean, floor = -1): number {
    const list = this.#lists.get(key)
    if (list === undefined) return -1
    for (let n = list.length - 1; n >= 0 && list[n] > floor; n--) {
      const other = this.#effects[list[n]]
      if (!ordered(other, effect, this.#everyState)) continue
      if (other.actor !== effect.actor) found.push(list[n])
      if (covering && (key < 0 || covers(other, effect))) return list[n]
    }
    return -1
  }

  /** The steps any one of which made this one possible; none: it always was. */
  #enablers(board: Board, step: number, effect: StepEffect): number[] {
    if ((effect.did & DID.awakened) === 0) return []
    const enabler = board.at(step, STEP.enabler)
    const enablers = [enabler]
    if (effect.kind === OP.wake || effect.kind === OP.drain) return enablers
    for (const rousing of this.#rousing(effect.actor)) if (rousing !== enabler) enablers.push(rousing)
    return enablers
  }

  /**
   * Steps that could have roused a spinning thread: since it last looked at a cell, the cell has changed, or since it
   * last notified in vain, somebody went to sleep. The loop lies in what the thread has done since it last changed
   * anything; cells that it looked at before the loop do no harm.
   */
  #rousing(actor: number): number[] {
    const found: number[] = []
    const seen = new Set<number>()
    for (let step = this.#last[actor]; step >= 0; step = this.#previous[step]) {
      const effect = this.#effects[step]
      if ((effect.did & DID.change) !== 0) break
      const looksFor = effect.kind === OP.notify ? LIST.sleeps : LIST.writes
      const key = cellOf(effect) + looksFor
      const cell = LISTS * effect.address + looksFor
      if (effect.kind < OP.load || effect.kind === OP.wake || effect.kind === OP.clock || seen.has(cell)) continue
      seen.add(cell)
      this.#since(key, step, effect, found)
    }
    return found
  }

  #since(key: number, step: number, looked: StepEffect, found: number[]): void {
    const list = this.#lists.get(key) ?? []
    for (let n = list.length - 1; n >= 0 && list[n] > step; n--) {
      const { did, actor, address, bytes } = this.#effects[list[n]]
      if (actor === looked.actor || (did & (DID.change | DID.sleep)) === 0) continue
      if (address < looked.address + looked.bytes && looked.address < address + bytes) found.push(list[n])
    }
  }
}

const cellOf = ({ address }: StepEffect): number => LISTS * Math.floor(address / 8)

const covers = (other: StepEffect, { address, bytes }: StepEffect): boolean =>
  other.address <= address && other.address + other.bytes >= address + bytes
