/**
 * The rules of an execution: who can go, who goes, what a step changes for the others. It knows nothing of threads: the
 * worker that has the baton calls it, and the tests call it with a simulated machine.
 */

import { Reordering } from '../memory-model/reordering.ts'
import type { Focus } from '../search/focus.ts'
import { type Strategy, UNFORCED } from '../strategies/strategy.ts'
import { ACTOR, ASIDE, type Board, ENDING, HEAD, isSingle, lowest, MOST_STEPS, nthOf, STEP, sizeOf } from './board.ts'
import { DID, OP } from './ops.ts'
import { Spinners } from './spinners.ts'
import { type Waits, waitsOf } from './waits.ts'

/** Steps of each spinning thread, while nobody else can go, before it is called a livelock. */
export const SPIN_BOUND = 10_000
/** Operations that may happen out of their order do so once in so many times. */
const ASIDE_ONE_IN = 3
/** Steps of a spinning thread before the next one has its turn. */
const QUANTUM = 64
/** Instead of an entry. */
const ANY = -1

export class Scheduler {
  readonly board: Board
  readonly waits: Waits
  readonly reordering: Reordering
  readonly spinners: Spinners
  readonly #strategies: readonly Strategy[]
  /** Place of the one that replays. */
  readonly #replay: number
  readonly #focus: Focus
  readonly #head: Int32Array
  readonly #threads: number

  constructor(board: Board, strategies: readonly Strategy[], focus: Focus) {
    this.board = board
    this.waits = waitsOf(board)
    this.reordering = new Reordering(board)
    this.spinners = new Spinners(board)
    this.#strategies = strategies
    this.#replay = strategies.findIndex(strategy => strategy.forced !== undefined)
    this.#focus = focus
    this.#head = board.head
    this.#threads = board.threads
  }

  /** An actor is about to do an operation. */
  arrive(actor: number, kind: number, address: number, bytes: number): void {
    this.board.pend(actor, kind, address, bytes)
    this.#head[HEAD.enabled] |= 1 << actor
  }

  /** What it is about to do has to wait for its store buffer, whose steps let it go on. */
  suspend(actor: number): void {
    this.#head[HEAD.enabled] &= ~(1 << actor)
  }

  resume(actor: number): void {
    this.#head[HEAD.enabled] |= 1 << actor
  }

  /**
   * A thread sleeps until it is notified or, if it may, times out; its pending operation is the wake.
   * @param entry of its wait; left out: any of its waits will do
   */
  sleep(actor: number, address: number, bytes: number, canGo: boolean, entry = ANY): void {
    this.board.pend(actor, OP.wake, address, bytes)
    this.board.set(actor, ACTOR.awaits, entry)
    this.spinners.goOn(actor)
    if (canGo) this.#head[HEAD.enabled] |= 1 << actor
    else this.#head[HEAD.enabled] &= ~(1 << actor)
  }

  /**
   * A decision about how the present operation is carried out, rather than about who goes: with a weaker memory model,
   * whether it happens out of its order. It is a step of the schedule, by an actor that stands for nobody.
   * @param again whether the same one has just been said of this operation
   */
  aside(kind: number, address: number, bytes: number, again = false): boolean {
    if (!this.#isAside(address, again)) return false
    this.noteAside(kind, address, bytes)
    return true
  }

  /** The same, where there was nothing to decide. */
  noteAside(kind: number, address: number, bytes: number): void {
    const head = this.#head
    const last = head[HEAD.last]
    this.board.pend(ASIDE, kind, address, bytes)
    this.board.note(ASIDE, 0, head[HEAD.enabled], 0, 0)
    head[HEAD.last] = last
  }

  /**
   * Who goes next, or -1: the execution is over, and `ending` says how. Nearly always nothing is special: nobody opens
   * handles, nothing is replayed or delayed, and it has not become late.
   */
  next(): number {
    const head = this.#head
    const enabled = head[HEAD.enabled]
    const special =
      head[HEAD.steps] >= head[HEAD.horizon] ||
      head[HEAD.opening] !== 0 ||
      head[HEAD.strategy] === this.#replay ||
      head[HEAD.holdsBack] === 1 ||
      enabled >>> this.#threads !== 0
    if (special) return this.#nextReordered()
    const eligible = enabled & ~head[HEAD.spinning]
    if (eligible === 0) return this.#spinnerOrEnd()
    if (isSingle(eligible)) return lowest(eligible)
    return this.#nextOf(eligible, 0, false)
  }

  #nextReordered(): number {
    const { reordering } = this
    if (!reordering.active) return this.#next()
    const decided = reordering.next()
    if (decided >= 0) return decided
    const next = this.#next()
    return next < 0 ? next : reordering.before(next)
  }

  #isAside(address: number, again: boolean): boolean {
    const { board, reordering } = this
    const head = this.#head
    if (head[HEAD.strategy] === this.#replay) return this.#strategies[this.#replay].aside!(board)
    // Nobody else notices.
    if (head[HEAD.focused] === 1 && !this.#focus.knows(address)) return false
    return reordering.active ? reordering.isMoment(again) : board.random.below(ASIDE_ONE_IN) === 0
  }

  #next(): number {
    const head = this.#head
    if (head[HEAD.ending] !== ENDING.none) return -1
    const late = head[HEAD.steps] >= head[HEAD.horizon]
    if (late && this.#isTooLong()) return this.end(ENDING.cutOff, -1)
    let { eligible } = this.board
    const opening = eligible & head[HEAD.opening]
    if (head[HEAD.strategy] === this.#replay) {
      const forced = this.#force(eligible, opening)
      if (forced !== UNFORCED) return forced
    }
    if (eligible === 0) {
      const released = this.reordering.release()
      return released !== 0 ? lowest(released) : this.#spinnerOrEnd()
    }
    if (opening !== 0) return lowest(opening)
    // Whoever can go may be waiting for one that has to go round its loop often enough: to give up, or for its turn.
    const fair = late && this.#takesLong()
    if (fair) eligible = head[HEAD.enabled]
    // Bit t: thread t has delayed stores.
    const delayed = (head[HEAD.enabled] | head[HEAD.held]) >>> this.#threads
    const idle = delayed === 0 ? -1 : this.#idleDrain(delayed)
    if (idle >= 0) return idle
    if (isSingle(eligible)) return lowest(eligible)
    return this.#nextOf(eligible, delayed, fair)
  }

  /** One of several: the last one again if it is at nothing that it could be switched at, or as the strategy wants it. */
  #nextOf(eligible: number, delayed: number, fair: boolean): number {
    const head = this.#head
    const last = head[HEAD.last]
    const canGoOn = last >= 0 && (eligible & (1 << last)) !== 0
    if (canGoOn && this.#runsThrough(last, delayed, fair)) return last
    head[HEAD.asked] = 1
    head[HEAD.choices]++
    const chosen = fair ? this.#lot(eligible) : this.#strategies[head[HEAD.strategy]].choose(this.board)
    if (chosen < 0) return this.end(ENDING.misfit, -1)
    if (canGoOn && chosen !== last) this.#preempt(last)
    return chosen
  }

  /** Spinning that nobody can end is not long but a livelock, which shows by itself. */
  #isTooLong(): boolean {
    const head = this.#head
    const steps = head[HEAD.steps]
    return steps >= MOST_STEPS || (head[HEAD.stepLimit] > 0 && steps - head[HEAD.idle] >= head[HEAD.stepLimit])
  }

  /** An actor that could have gone on is not let. At its gate it has not begun. */
  #preempt(actor: number): void {
    if (this.board.of(actor, ACTOR.kind) !== OP.gate) this.#head[HEAD.preemptions]++
  }

  #takesLong(): boolean {
    const fairAfter = this.#head[HEAD.fairAfter]
    return fairAfter > 0 && this.#head[HEAD.steps] > fairAfter
  }

  /**
   * A strategy may starve one thread for the sake of others that retry for ever. An execution that takes much longer
   * than those before it is brought to its end by lot, which starves nobody for long.
   */
  #lot(eligible: number): number {
    return nthOf(eligible, this.board.random.below(sizeOf(eligible)))
  }

  /**
   * What a replay wants. A thread that repeats itself goes as often as it did, whoever else could; whether that is a
   * livelock shows when nothing more is wanted.
   */
  #force(eligible: number, opening: number): number {
    const head = this.#head
    if (head[HEAD.enabled] === 0) return UNFORCED
    const able = opening !== 0 ? opening & -opening : head[HEAD.enabled]
    const forced = this.#strategies[this.#replay].forced!(this.board, able, opening !== 0)
    if (forced === UNFORCED) return forced
    if (forced < 0) return this.end(ENDING.misfit, -1)
    if (eligible === 0) head[HEAD.idle]++
    const last = head[HEAD.last]
    const canGoOn = opening === 0 && last >= 0 && (eligible & (1 << last)) !== 0
    if (canGoOn && forced !== last) this.#preempt(last)
    return forced
  }

  /** A delayed store to a cell that nobody contends for: it holds others up, and may as well be done at once. -1: none. */
  #idleDrain(delayed: number): number {
    const { board } = this
    if (this.#head[HEAD.focused] === 0 || this.#head[HEAD.fullWaits] === 1) return -1
    for (let rest = delayed; rest !== 0; rest &= rest - 1) {
      const buffer = lowest(rest) + board.threads
      if (!this.#focus.knows(board.of(buffer, ACTOR.address))) return buffer
    }
    return -1
  }

  /** Whether the thread's next operation is none that it could be switched at. */
  #runsThrough(actor: number, delayed: number, fair: boolean): boolean {
    const { board } = this
    if (board.of(actor, ACTOR.bursting) === 1) return true
    // Whoever retries at other cells than those of the focus would never let the others go.
    if (this.#head[HEAD.focused] === 0 || fair) return false
    const kind = board.of(actor, ACTOR.kind)
    if (kind < OP.load || kind > OP.compareExchange || this.#focus.has(board.of(actor, ACTOR.address))) return false
    // What it has delayed may have to reach memory first: whoever sees that could have gone before.
    if (delayed !== 0 && ((delayed >>> actor) & 1) !== 0) return false
    // Which calls have ended when one begins is of interest whatever cells they work on.
    if (board.of(actor, ACTOR.also) !== 0) return false
    // Who was repeating itself has seen one of the cells that it looked at change: when that was matters, wherever it is now.
    return board.of(actor, ACTOR.enabler) < 0
  }

  /** Only threads that repeat themselves can go, or nobody. */
  #spinnerOrEnd(): number {
    const head = this.#head
    if (head[HEAD.unfinished] === 0) return this.end(ENDING.finished, -1)
    const spinners = head[HEAD.enabled] & head[HEAD.spinning]
    if (spinners === 0) return this.end(ENDING.deadlock, lowest(head[HEAD.unfinished]))
    const idle = head[HEAD.idle]++
    const bound = head[HEAD.spinBound] || SPIN_BOUND
    if (idle > bound * sizeOf(spinners)) return this.end(ENDING.livelock, lowest(spinners))
    const last = head[HEAD.last]
    // Who begins must not depend on who happened to go last: executions that are otherwise the same would differ.
    const goesOn = this.board.at(head[HEAD.steps] - 1, STEP.enabled) === 0
    if (!goesOn) return lowest(spinners)
    if ((spinners & (1 << last)) !== 0 && idle % QUANTUM !== 0) return last
    const after = spinners & ~(2 ** (last + 1) - 1)
    return lowest(after !== 0 ? after : spinners)
  }

  end(ending: number, culprit: number): -1 {
    this.#head[HEAD.ending] = ending
    this.#head[HEAD.horizon] = 0
    this.#head[HEAD.culprit] = culprit
    this.#head[HEAD.stuck] = this.#head[HEAD.spinning]
    return -1
  }

  /**
   * The actor has done its pending operation.
   * @param did  bits of `DID`
   * @param read the value that the cell had, `wrote` the one that it has now: their low 32 bits
   */
  took(actor: number, did: number, read: number, wrote: number): void {
    const head = this.#head
    const spinning = head[HEAD.spinning]
    this.board.note(actor, did, head[HEAD.enabled] & ~spinning, read, wrote)
    if ((did & DID.delay) !== 0) this.reordering.offer(actor + this.#threads, true)
    if ((did & (DID.change | DID.sleep)) === 0) return
    // Who goes to sleep is what a loop around `notify` waits for; a loop of time-outs gets nowhere.
    if ((did & DID.change) !== 0 || (spinning & (1 << actor)) === 0) head[HEAD.idle] = 0
    if (spinning !== 0) this.spinners.rouse(head[HEAD.steps] - 1)
  }

  /** Wakes up to `count` waits on a cell, in the order in which they came. Call it after `took`. Returns how many. */
  notify(address: number, count: number): number {
    const { board, waits } = this
    let woken = 0
    while (woken < count) {
      const entry = waits.notifyOne(address)
      if (entry < 0) break
      woken++
      const thread = waits.threadOf(entry)
      const bit = 1 << thread
      // An asynchronous wait of a thread that has other things to do is found when it has done them.
      if (!this.#sleepsFor(thread, entry) || (this.#head[HEAD.enabled] & bit) !== 0) continue
      this.#head[HEAD.enabled] |= bit
      board.set(thread, ACTOR.enabler, this.#head[HEAD.steps] - 1)
    }
    return woken
  }

  #sleepsFor(thread: number, entry: number): boolean {
    const { board } = this
    if (board.of(thread, ACTOR.kind) !== OP.wake || (this.#head[HEAD.unfinished] & (1 << thread)) === 0) return false
    const awaited = board.of(thread, ACTOR.awaits)
    return awaited === ANY || awaited === entry
  }

  /** The thread's body has returned. The last one's end is that of the execution, if nobody has left a store behind. */
  finish(thread: number): void {
    const head = this.#head
    const others = ~(1 << thread)
    head[HEAD.enabled] &= others
    head[HEAD.spinning] &= others
    head[HEAD.opening] &= others
    head[HEAD.unfinished] &= others
    const left = head[HEAD.unfinished] | head[HEAD.enabled] | head[HEAD.held]
    if (left === 0 && head[HEAD.ending] === ENDING.none) this.end(ENDING.finished, -1)
  }
}
