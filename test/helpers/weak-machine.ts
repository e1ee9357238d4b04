/**
 * The explorer's own `Atomics`, store buffers and scheduler without threads: whoever is chosen does the operation that
 * its body comes to next. What is tried is decided by a strategy: everything there is, or one of those that draw lots.
 */

import { controlAtomics } from '../../torture/explore/control/atomics.ts'
import type { ControlledWaits } from '../../torture/explore/control/controlled-waits.ts'
import type { Stage } from '../../torture/explore/control/stage.ts'
import { StoreBuffers } from '../../torture/explore/memory-model/store-buffer.ts'
import { Addresses } from '../../torture/explore/report/addresses.ts'
import { ACTOR, Board, ENDING, HEAD, isSingle, scheduleOf } from '../../torture/explore/schedule/board.ts'
import { DID, OP } from '../../torture/explore/schedule/ops.ts'
import { Scheduler } from '../../torture/explore/schedule/scheduler.ts'
import { operationOf, SpinWindow } from '../../torture/explore/schedule/spin.ts'
import { Focus } from '../../torture/explore/search/focus.ts'
import { focusBytes } from '../../torture/explore/sizes.ts'
import type { Strategy } from '../../torture/explore/strategies/strategy.ts'
import type { Model } from './models.ts'
import { type Methods, methods, nextOf, type Operation, type Result, type Subject } from './recorded.ts'

/** All decisions that a scheduler leaves to a replay: who goes, and what happens out of its order. */
export class Everything implements Strategy {
  readonly name = 'everything'
  #path: { readonly options: readonly number[]; at: number }[] = []
  #position = 0

  begin(): boolean {
    this.#position = 0
    return true
  }

  forced(_board: Board, able: number): number {
    if (isSingle(able)) return 31 - Math.clz32(able)
    return this.#decide(Array.from({ length: 31 }, (_, n) => n).filter(n => (able & (1 << n)) !== 0))
  }

  aside(): boolean {
    return this.#decide([0, 1]) === 1
  }

  choose(): number {
    throw new Error('a replay is asked first')
  }

  end(): void {
    while (this.#path.length > 0 && this.#path.at(-1)!.at === this.#path.at(-1)!.options.length - 1) this.#path.pop()
    if (this.#path.length > 0) this.#path.at(-1)!.at++
  }

  /** After an execution: nothing is left. */
  get over(): boolean {
    return this.#path.length === 0
  }

  #decide(options: readonly number[]): number {
    if (this.#position === this.#path.length) this.#path.push({ options, at: 0 })
    const { options: known, at } = this.#path[this.#position++]
    return known[at]
  }
}

/** Steps of each spinning thread before it is called a livelock. */
const SPIN_BOUND = 50

const NAMES = ['load', 'store', 'add', 'sub', 'and', 'or', 'xor', 'exchange', 'compareExchange'] as const
const KINDS: Readonly<Record<string, number>> = {
  ...Object.fromEntries(NAMES.map(name => [name, OP[name]])),
  wait: OP.wait,
  notify: OP.notify,
}

interface Actor {
  readonly stage: Stage
  readonly atomics: Methods
  results: Result[]
  pending: Operation | undefined
  /** Of its wait, while it sleeps. */
  entry: number
  returned: unknown
  readonly window: SpinWindow
}

interface RunOptions {
  readonly execution?: number
  readonly holdsBack?: boolean
  readonly fullWaits?: boolean
}

interface Ran {
  readonly outcome: string
  readonly schedule: readonly number[]
}

export class WeakMachine {
  readonly board: Board
  readonly scheduler: Scheduler
  readonly #subject: Subject
  readonly #addresses: Addresses
  readonly #initial: readonly Int32Array[]
  readonly strategies: readonly Strategy[]
  readonly #actors: Actor[] = []
  /** Whether threads that repeat themselves make way for others. */
  readonly #spins: boolean

  /** @param make strategies, from their scratch */
  constructor(subject: Subject, model: Model, make: (board: Board) => readonly Strategy[], { spins = false } = {}) {
    this.#spins = spins
    const threads = subject.bodies.length
    const board = new Board(threads)
    this.board = board
    this.#subject = subject
    this.strategies = make(board)
    this.scheduler = new Scheduler(board, this.strategies, new Focus(new SharedArrayBuffer(focusBytes(1 << 12))))
    this.#addresses = new Addresses(0)
    this.#addresses.place([...new Set(subject.cells.map(({ buffer }) => buffer as unknown as SharedArrayBuffer))])
    this.#initial = subject.cells.map(cell => cell.slice())
    for (let thread = 0; thread < threads; thread++) this.#actors.push(this.#actor(thread, model))
  }

  #actor(thread: number, model: Model): Actor {
    const { board, scheduler } = this
    const addresses = this.#addresses
    const weak =
      model === 'sc'
        ? undefined
        : new StoreBuffers({ board, scheduler, addresses, thread, model, scratch: board.scratch(14) })
    const told = (did: number, read: number, wrote: number) => this.#took(thread, did, read, wrote)
    const stage = { thread, active: false, weak, point: () => {}, told, hides: () => {} } as unknown as Stage
    controlAtomics(stage, addresses, undefined as unknown as ControlledWaits)
    return {
      stage,
      atomics: methods(),
      results: [],
      pending: undefined,
      entry: -1,
      returned: undefined,
      window: new SpinWindow(),
    }
  }

  /** One execution by one of the strategies. Returns what it came to. */
  run(strategy: number, options: RunOptions = {}): Ran {
    return this.runIfAny(strategy, options)!
  }

  /** Undefined: the strategy has nothing left to try. */
  runIfAny(strategy: number, { execution = 0, holdsBack = false, fullWaits = false }: RunOptions): Ran | undefined {
    const { board, scheduler } = this
    const { head } = board
    for (const actor of this.#actors) {
      Object.assign(actor, { results: [], pending: undefined, returned: undefined })
      actor.window.clear()
    }
    scheduler.waits.reset()
    this.#actors[0].stage.weak?.reset()
    head[HEAD.strategy] = strategy
    head[HEAD.holdsBack] = holdsBack ? 1 : 0
    head[HEAD.fullWaits] = fullWaits ? 1 : 0
    head[HEAD.spinBound] = SPIN_BOUND
    board.reset(
      1,
      execution,
      this.#actors.map(() => 0),
      true,
    )
    scheduler.reordering.begin()
    if (!this.strategies[strategy].begin(board)) return undefined
    for (let actor = scheduler.next(); actor >= 0; actor = scheduler.next()) {
      if (actor >= board.threads) this.#actors[0].stage.weak!.drain(actor)
      else this.#step(actor, this.#actors[actor])
    }
    this.strategies[strategy].end(board)
    const ended = head[HEAD.ending] === ENDING.finished
    const outcome = ended ? this.#subject.outcome(this.#actors.map(({ returned }) => returned)) : `ending ${head[0]}`
    for (const [n, cell] of this.#subject.cells.entries()) cell.set(this.#initial[n])
    return { outcome, schedule: scheduleOf(board) }
  }

  /** The thread has done its pending operation. `moved`: it got somewhere by it. */
  #took(
    thread: number,
    did: number,
    read: number,
    wrote: number,
    moved = (did & (DID.change | DID.delay)) !== 0,
  ): void {
    const { board, scheduler } = this
    const { window } = this.#actors[thread]
    if (board.of(thread, ACTOR.enabler) >= 0 || moved) window.clear()
    const kind = board.of(thread, ACTOR.kind)
    if (!moved && kind >= OP.load) window.inVain(operationOf(kind, 4), board.of(thread, ACTOR.address), read)
    scheduler.took(thread, did, read, wrote)
  }

  #step(thread: number, actor: Actor): void {
    const { scheduler, board } = this
    const { pending, stage } = actor
    if (pending === undefined) {
      board.head[HEAD.opening] &= ~(1 << thread)
      this.#took(thread, 0, 0, 0)
    } else if (pending.name === 'wait') {
      if (!this.#wait(thread, actor, pending)) return
    } else if (pending.name === 'notify') {
      stage.weak?.flush()
      const count = Number(pending.args[0] ?? 1e9)
      this.#took(thread, 0, 0, 0, scheduler.waits.count(this.#addressOf(pending), count) > 0)
      actor.results.push(scheduler.notify(this.#addressOf(pending), count))
    } else {
      stage.active = true
      actor.results.push(actor.atomics[pending.name](pending.cells, pending.index, ...pending.args))
      stage.active = false
    }
    const next = nextOf(this.#subject.bodies[thread], actor.results)
    if ('returned' in next) {
      actor.returned = next.returned
      scheduler.finish(thread)
    } else {
      actor.pending = next.operation
      const { name, args } = next.operation
      const address = this.#addressOf(next.operation)
      scheduler.arrive(thread, KINDS[name], address, 4)
      stage.weak?.arrive(KINDS[name], args.at(-1) as string | undefined)
      if (!this.#spins) return
      if (actor.window.isSpinning(operationOf(KINDS[name], 4), address))
        scheduler.spinners.spin(thread, actor.window.watched())
      else scheduler.spinners.goOn(thread)
    }
  }

  /** False: it sleeps. */
  #wait(thread: number, actor: Actor, pending: Operation): boolean {
    const { scheduler, board } = this
    const address = this.#addressOf(pending)
    actor.stage.weak?.flush()
    if (board.of(thread, ACTOR.kind) === OP.wake) {
      scheduler.waits.leave(actor.entry)
      this.#took(thread, 0, 0, 0, true)
      actor.results.push('ok')
      return true
    }
    const held = pending.cells[pending.index]
    if (held !== pending.args[0]) {
      this.#took(thread, 0, held, held)
      actor.results.push('not-equal')
      return true
    }
    actor.entry = scheduler.waits.enqueue(thread, address, false)
    this.#took(thread, DID.sleep, held, held)
    scheduler.sleep(thread, address, 4, false, actor.entry)
    return false
  }

  #addressOf({ cells, index }: Operation): number {
    return this.#addresses.of(cells)!.base + 4 * index
  }
}
