/**
 * Finds the earlier steps of an execution that a step depends on without looking at all of them: lists by cell, of what
 * steps are to others. Invariant: an index of `ordered` and nothing else; the tests compare with what all pairs give.
 */
import { DID, isClocked, isWork, movesClock, OP } from '../schedule/ops.ts'
import { ends, isHidden, type Look, ordered, type Step } from './steps.ts'

/** Lists of a cell; cells of up to 8 bytes share theirs by 8 bytes. */
const LIST = { reads: 0, writes: 1, sleeps: 2, waits: 3, wakes: 4, notifies: 5, awaits: 6 } as const
const LISTS = 8
/** Lists of all cells. */
const CLOCK = -1
const DEADLINES = -2
const CHANGES = -3
const BEGINNINGS = -4

type Place = Pick<Look, 'address' | 'bytes'>

export class Conflicts {
  readonly #everyState: boolean
  readonly #steps: Step[] = []
  readonly #lists = new Map<number, number[]>()
  /** The lists that each step is in. */
  readonly #memberships: number[][][] = []

  /** @param everyState as for `ordered` */
  constructor(everyState: boolean) {
    this.#everyState = everyState
  }

  /** Takes in the next step. */
  add(step: Step): void {
    const lists = this.#keysOf(step).map(key => this.#list(key))
    for (const list of lists) list.push(this.#steps.length)
    this.#steps.push(step)
    this.#memberships.push(lists)
  }

  /** Forgets all steps but the first ones. */
  rewind(count: number): void {
    for (let at = this.#steps.length - 1; at >= count; at--) for (const list of this.#memberships[at]) list.pop()
    this.#steps.length = count
    this.#memberships.length = count
  }

  /** Steps of others that one depends on. Some that happen before others among them may be missing. */
  before(step: Step): number[] {
    const { did, kind } = step
    const cell = cellOf(step)
    const found: number[] = []
    const latest = (key: number, place: Place = step) => this.#scan(key, step, found, -1, place)
    const since = (key: number, floor: number) => this.#scan(key, step, found, floor)
    if (isAccess(step)) {
      const write = latest(cell + LIST.writes)
      if ((did & DID.write) !== 0) since(cell + LIST.reads, this.#covering(write))
    }
    if (kind === OP.notify || kind === OP.wake || kind === OP.wait) {
      const notify = latest(cell + LIST.notifies)
      if ((did & DID.sleep) !== 0) latest(cell + LIST.sleeps)
      if (kind === OP.notify) {
        since(cell + LIST.waits, notify)
        since(cell + LIST.wakes, notify)
      }
    }
    if ((did & (DID.change | DID.sleep)) !== 0) since(cell + LIST.awaits, -1)
    for (const look of step.awaits) latest(endersOf(look), look)
    if (isClocked(step)) {
      const moved = latest(CLOCK)
      if (movesClock(step)) since(DEADLINES, moved)
    }
    if (this.#everyState && (did & DID.change) !== 0) latest(CHANGES)
    if (isWork(step)) latest(BEGINNINGS)
    if ((did & DID.begins) !== 0) this.#latestOfEach(step, found)
    return found
  }

  /** Steps that are what a look was for. */
  enders(look: Look, owner: number): number[] {
    const list = this.#lists.get(endersOf(look)) ?? []
    const found: number[] = []
    for (let n = list.length - 1; n >= 0 && list[n] > look.step; n--) {
      const step = this.#steps[list[n]]
      if (step.owner !== owner && ends(step, look)) found.push(list[n])
    }
    return found
  }

  /**
   * @param floor earlier steps are known to come before
   * @param place all earlier steps in the list that matter come before the first one found that covers this; undefined:
   * they do not depend on each other
   * @returns that one, or -1
   */
  #scan(key: number, step: Step, found: number[], floor: number, place?: Place): number {
    const list = this.#lists.get(key)
    if (list === undefined) return -1
    for (let n = list.length - 1; n >= 0 && list[n] > floor; n--) {
      const other = this.#steps[list[n]]
      if (!ordered(other, step, this.#everyState)) continue
      if (other.actor !== step.actor) found.push(list[n])
      if (place !== undefined && (key < 0 || covers(other, place))) return list[n]
    }
    return -1
  }

  /** All reads before a write come before it, but for those of the thread whose store buffer it is. -1: they need not. */
  #covering(write: number): number {
    return write >= 0 && this.#steps[write].kind === OP.drain ? -1 : write
  }

  /** The last step of each other actor: a call begins with this one. */
  #latestOfEach({ actor, owner }: Step, found: number[]): void {
    let seen = 1 << actor
    for (let at = this.#steps.length - 1; at >= 0; at--) {
      const other = this.#steps[at]
      if (!isWork(other) || (seen & (1 << other.actor)) !== 0) continue
      seen |= 1 << other.actor
      if (other.owner !== owner) found.push(at)
    }
  }

  #keysOf(step: Step): number[] {
    const { kind, did } = step
    const cell = cellOf(step)
    const keys: number[] = []
    if (isAccess(step)) keys.push(cell + ((did & DID.write) !== 0 ? LIST.writes : LIST.reads))
    if ((did & DID.sleep) !== 0) keys.push(cell + LIST.sleeps)
    if (kind === OP.wait) keys.push(cell + LIST.waits)
    if (kind === OP.wake) keys.push(cell + LIST.wakes)
    if (kind === OP.notify) keys.push(cell + LIST.notifies)
    for (const look of step.awaits) keys.push(cellOf(look) + LIST.awaits)
    if (isClocked(step)) keys.push(movesClock(step) ? CLOCK : DEADLINES)
    if (this.#everyState && (did & DID.change) !== 0) keys.push(CHANGES)
    if ((did & DID.begins) !== 0) keys.push(BEGINNINGS)
    return keys
  }

  #list(key: number): number[] {
    const list = this.#lists.get(key)
    if (list !== undefined) return list
    const made: number[] = []
    this.#lists.set(key, made)
    return made
  }
}

const cellOf = ({ address }: { readonly address: number }): number => LISTS * Math.floor(address / 8)

const endersOf = (look: Look): number => cellOf(look) + (look.forSleeper ? LIST.sleeps : LIST.writes)

const isAccess = (step: Step): boolean =>
  ((step.kind >= OP.load && step.kind <= OP.wait) || step.kind === OP.drain) && !isHidden(step)

const covers = (other: Step, { address, bytes }: Place): boolean =>
  other.address <= address && other.address + other.bytes >= address + bytes
