/**
 * What stands between a body and its operations in one worker thread: asks the scheduler whose turn it is, hands the
 * baton over, and notes what was done. Inert outside of `open` and bodies: everything then goes straight to the engine.
 */

import type { WeakMemory } from '../memory-model/weak-memory.ts'
import { ACTOR, type Board, ENDING, HEAD, lowest } from '../schedule/board.ts'
import { DID, OP } from '../schedule/ops.ts'
import type { Scheduler } from '../schedule/scheduler.ts'
import { operationOf, SpinWindow } from '../schedule/spin.ts'
import type { Baton } from './baton.ts'

/** Thrown out of an operation when the execution is over: the body is to be left as it stands. */
export class Abandoned extends Error {
  constructor() {
    super('the execution is over')
    this.name = 'Abandoned'
  }
}

/** Steps that a thread which repeats itself is let run on for, when it is. */
const BURST = 1000
/** A body that catches everything is asked to leave so often. */
const MOST_REFUSALS = 10_000

/** A step in a traced execution: where it is in the source, and the values as texts. */
export interface Traced {
  readonly step: number
  readonly stack: string
  readonly read?: string
  readonly wrote?: string
  readonly result?: string
}

type Value = number | bigint
const low = (value: Value): number => (typeof value === 'number' ? value | 0 : Number(BigInt.asIntN(32, value)))
/** Values that differ in their upper halves only are not the same either. */
const folded = (value: Value): number => low(typeof value === 'number' ? value : value ^ (value >> 32n))

export class Stage {
  readonly thread: number
  /** Set in `open` and bodies. */
  active = false
  readonly board: Board
  readonly scheduler: Scheduler
  readonly baton: Baton
  /** Undefined: sequentially consistent. */
  weak: WeakMemory | undefined
  /** Called after every step: the scenario's `always`. */
  afterStep: (() => void) | undefined
  /** Called with what a step did, in traced executions. */
  onTraced: ((traced: Traced) => void) | undefined
  /** Steps of this thread in all executions: a sign of life. */
  beat: () => void = () => {}
  readonly #spins = new SpinWindow()
  /** Loops that did not end when their thread was let run on. */
  readonly #endless = new Set<number>()
  #burst = 0
  /** The operation at which the present burst began. */
  #began = 0
  #refusals = 0
  readonly #head: Int32Array

  constructor(thread: number, scheduler: Scheduler, baton: Baton) {
    this.thread = thread
    this.board = scheduler.board
    this.#head = scheduler.board.head
    this.scheduler = scheduler
    this.baton = baton
  }

  /** Forgets the execution before. */
  reset(): void {
    this.#spins.clear()
    this.#burst = 0
    this.#refusals = 0
  }

  /** The thread uses memory that `setup` did not return. */
  hides(): void {
    this.#head[HEAD.hidden] = 1
  }

  /** The thread starts a worker of its own, here or while the scenario is imported. */
  startsWorkers(): void {
    this.#head[HEAD.workers] = 1
  }

  get abandoned(): boolean {
    return this.#head[HEAD.abandoned] === 1
  }

  /** The body begins: it was chosen for that. */
  started(): void {
    this.took(0, 0, 0)
  }

  /** The handles are open. The round begins when all threads have theirs. Throws Abandoned. */
  gate(): void {
    this.#head[HEAD.opening] &= ~(1 << this.thread)
    // What was repeated in `open` is over: it must not keep the body from beginning when others do.
    this.progressed()
    this.scheduler.arrive(this.thread, OP.gate, 0, 1)
    this.turn()
    this.took(0, 0, 0)
  }

  /**
   * Returns when the operation may be done: nobody else runs until the next call. Throws Abandoned.
   * @param order of a load or a store, for weaker memory models
   */
  point(kind: number, address: number, bytes: number, order?: string): void {
    if (this.#head[HEAD.abandoned] === 1) this.#refuse()
    this.scheduler.arrive(this.thread, kind, address, bytes)
    if (this.weak !== undefined) this.weak.arrive(kind, order)
    this.#lookForSpin(kind, address)
    this.turn()
  }

  /** Lets the scheduler decide who goes; returns when it is this thread. Throws Abandoned. */
  turn(): void {
    const next = this.choose()
    if (next !== this.thread) this.#giveWay(next)
  }

  #giveWay(next: number): void {
    if (next < 0) this.#head[HEAD.abandoned] = 1
    else this.handOver(next)
    if (this.#head[HEAD.abandoned] === 1) throw new Abandoned()
  }

  /** The next thread; store buffers that were chosen are drained on the way. -1: the execution is over. */
  choose(): number {
    for (;;) {
      const next = this.scheduler.next()
      if (next < this.board.threads) return next
      this.weak!.drain(next)
    }
  }

  handOver(to: number): void {
    this.baton.pass(to)
    this.baton.wait()
  }

  /** The operation is done. `read` and `wrote` are what the cell held before and after. */
  told(did: number, read: Value, wrote: Value, result?: string): void {
    if (this.onTraced !== undefined) {
      this.onTraced({
        step: this.board.steps,
        stack: new Error('here').stack ?? '',
        read: String(read),
        ...((did & (DID.write | DID.delay)) !== 0 && { wrote: String(wrote) }),
        ...(result !== undefined && { result }),
      })
    }
    this.took(did, low(read), low(wrote), folded(read))
  }

  /** @param seen what tells whether a repeated look found the same */
  took(did: number, read: number, wrote: number, seen = read): void {
    const { thread } = this
    this.scheduler.took(thread, did, read, wrote)
    this.beat()
    const changes = (did & DID.change) !== 0 || ((did & DID.delay) !== 0 && this.#getsOn(read, wrote))
    if (!this.#spins.isEmpty) this.#lookBack(changes)
    if (changes) this.#moved()
    else if (!this.#isInVain(seen)) this.#stir()
    if (this.afterStep !== undefined) this.#always()
  }

  /** By a store that was delayed. What is in memory now is nothing that it depends on, to whoever wants to know exactly. */
  #getsOn(read: number, wrote: number): boolean {
    return read !== wrote || this.#head[HEAD.fullWaits] === 1
  }

  /**
   * Of the operations before the one that was just done, which count as repeated no longer.
   * @param changes the cell: nobody had roused the thread, so it left a loop by itself, even by an operation as those of
   * the loop are, which must be let do it then although it looks like one round more
   */
  #lookBack(changes: boolean): void {
    const { thread, board } = this
    // Roused, before or after the loop was recognised: what was seen before counts no longer.
    if (board.of(thread, ACTOR.enabler) >= 0) this.#spins.clear()
    const kind = board.of(thread, ACTOR.kind)
    if (kind < OP.load) return
    const [operation, address] = [this.#operation(kind), board.of(thread, ACTOR.address)]
    this.#leaves(this.#spins.roundsBefore(operation, address))
    if (changes) this.#leaves(this.#spins.repeats(operation, address) + 1)
  }

  /** Whether the operation that was just done, and changed nothing, repeats one. */
  #isInVain(seen: number): boolean {
    const { thread, board } = this
    const kind = board.of(thread, ACTOR.kind)
    return kind < OP.load || this.#spins.inVain(this.#operation(kind), board.of(thread, ACTOR.address), seen)
  }

  /** The one that is pending, or was just done. */
  #operation(kind: number): number {
    return operationOf(kind, this.board.of(this.thread, ACTOR.bytes))
  }

  /** The thread got somewhere by something other than a change of a cell. */
  progressed(): void {
    this.#moved()
  }

  /** Whether this operation repeats itself, and how often it has: virtual time then goes faster. */
  repeats(kind: number, address: number): number {
    return this.#spins.repeats(this.#operation(kind), address)
  }

  /** A loop that went round so often has ended by itself: what comes then may happen while others can go, too. */
  #leaves(rounds: number): void {
    if (rounds > this.#head[HEAD.gaveUp]) this.#head[HEAD.gaveUp] = rounds
  }

  #moved(): void {
    this.#spins.clear()
    this.#stir()
  }

  #stir(): void {
    if (this.#burst > 0) {
      this.#burst = 0
      this.board.set(this.thread, ACTOR.bursting, 0)
    }
    if ((this.#head[HEAD.spinning] & (1 << this.thread)) !== 0) this.scheduler.spinners.goOn(this.thread)
  }

  /**
   * A thread that repeats itself goes only when nobody else can. Its loop may have a counter, though, and what comes
   * after the last time round is worth seeing: now and then the thread is let run on by itself. A loop that does not end
   * then is not tried again.
   */
  #lookForSpin(kind: number, address: number): void {
    if (this.#spins.isEmpty || !this.#spins.isSpinning(this.#operation(kind), address, this.#head[HEAD.patience])) {
      if ((this.#head[HEAD.spinning] & (1 << this.thread)) !== 0) this.scheduler.spinners.goOn(this.thread)
      return
    }
    const loop = address * 32 + kind
    if (this.#burst > 0) {
      if (this.#burst++ < BURST) return
      // Of the operations of a loop it is the one that began the run: the one that it ends at is another one.
      this.#endless.add(this.#began)
      this.#burst = 0
      this.board.set(this.thread, ACTOR.bursting, 0)
    } else {
      const oneIn = this.#head[HEAD.burstOneIn]
      if (oneIn > 0 && !this.#endless.has(loop) && this.board.random.below(oneIn) === 0) {
        this.#burst = 1
        this.#began = loop
        this.board.set(this.thread, ACTOR.bursting, 1)
        return
      }
    }
    this.scheduler.spinners.spin(this.thread, this.#spins.watched())
  }

  /** `always` runs between two steps, on the engine's own operations. */
  #always(): void {
    this.active = false
    try {
      this.afterStep!()
    } finally {
      this.active = true
    }
    if (this.#head[HEAD.ending] === ENDING.failed) {
      this.#head[HEAD.abandoned] = 1
      throw new Abandoned()
    }
  }

  /** A body that catches what makes it leave is asked again, up to a limit. */
  #refuse(): never {
    if (++this.#refusals > MOST_REFUSALS) {
      // It will never leave: whoever watches the guest finds it here, running and without progress.
      this.baton.onWait = () => {}
      for (;;) this.baton.wait()
    }
    throw new Abandoned()
  }

  /** The thread's body is left. Hands the baton on; thread 0 gets it last. */
  leave(): void {
    const head = this.#head
    this.active = false
    if (head[HEAD.ending] === ENDING.none) this.#leaves(this.#spins.rounds)
    this.scheduler.finish(this.thread)
    if (head[HEAD.unfinished] === 0) {
      // What is still delayed reaches memory in any order, too, before anybody judges.
      if (head[HEAD.ending] === ENDING.none) this.choose()
      if (this.thread !== 0) this.baton.pass(0)
      return
    }
    if (head[HEAD.ending] !== ENDING.none) head[HEAD.abandoned] = 1
    let next = head[HEAD.abandoned] === 1 ? -1 : this.choose()
    if (next < 0) {
      head[HEAD.abandoned] = 1
      next = lowest(head[HEAD.unfinished])
    }
    this.baton.pass(next)
    if (this.thread === 0) this.baton.wait()
  }
}
