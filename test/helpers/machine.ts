/**
 * A simulated machine: little programs, one a thread, run over a real board, scheduler and strategy as the worker
 * threads run scenarios, but within one thread and without a baton.
 *
 * A program is a generator that does its operations with `yield*`:
 *
 *     function* () {
 *       const v = yield* load(0)
 *       yield* store(0, v + 1)
 *     }
 */
import { ACTOR, Board, ENDING, HEAD, STEP, scheduleOf } from '../../torture/explore/schedule/board.ts'
import type { StepEffect } from '../../torture/explore/schedule/effect.ts'
import { DID, OP } from '../../torture/explore/schedule/ops.ts'
import { Scheduler } from '../../torture/explore/schedule/scheduler.ts'
import { operationOf, SpinWindow } from '../../torture/explore/schedule/spin.ts'
import { Focus } from '../../torture/explore/search/focus.ts'
import { focusBytes } from '../../torture/explore/sizes.ts'
import type { Strategy } from '../../torture/explore/strategies/strategy.ts'

export type Waited = 'ok' | 'not-equal' | 'timed-out'
export interface Operation {
  readonly kind: number
  readonly cell: number
  readonly value?: number
  readonly expected?: number
  /** Until a wait times out; left out: never. */
  readonly ms?: number
  /** It is the first one of a recorded call. */
  readonly begins?: boolean
}
type Result = number | Waited
export type Steps<T> = Generator<Operation, T, Result>
export type Program = (thread: number) => Steps<unknown>

function* numeric(operation: Operation): Steps<number> {
  return (yield operation) as number
}

export const load = (cell: number) => numeric({ kind: OP.load, cell })
export const store = (cell: number, value: number) => numeric({ kind: OP.store, cell, value })
export const add = (cell: number, value: number) => numeric({ kind: OP.add, cell, value })
export const exchange = (cell: number, value: number) => numeric({ kind: OP.exchange, cell, value })
/** Returns the value that it found. */
export const compareExchange = (cell: number, expected: number, value: number) =>
  numeric({ kind: OP.compareExchange, cell, expected, value })
/** Returns how many were woken. */
export const notify = (cell: number, count = Number.POSITIVE_INFINITY) =>
  numeric({ kind: OP.notify, cell, value: count })
/** Reads the clock, which moves by being read. */
export const clock = () => numeric({ kind: OP.clock, cell: CLOCK_CELL })
/** The end of the part that is run in the order of the threads. */
export const gate = () => numeric({ kind: OP.gate, cell: CLOCK_CELL })
export function* wait(cell: number, value: number, ms = FOR_EVER): Steps<Waited> {
  return (yield { kind: OP.wait, cell, value, ms }) as Waited
}

const FOR_EVER = Number.POSITIVE_INFINITY

/** The address of a cell of 4 bytes. */
export const addressOf = (cell: number): number => 64 + 4 * cell
const BYTES = 4
/** Its address is 8. */
const CLOCK_CELL = -14
const START: Operation = { kind: OP.start, cell: -16 }

export interface Machine<S extends Strategy = Strategy> {
  readonly board: Board
  readonly scheduler: Scheduler
  readonly strategy: S
  readonly focus: Focus
  /** Whether threads are switched at cells of the focus only. */
  focused: boolean
}

/** @param make the strategy, from its scratch */
export function machineFor<S extends Strategy>(threads: number, make: (scratch: Int32Array) => S): Machine<S> {
  const board = new Board(threads)
  const focus = new Focus(new SharedArrayBuffer(focusBytes(1 << 12)))
  const strategy = make(board.scratch(0))
  return { board, focus, focused: false, strategy, scheduler: new Scheduler(board, [strategy], focus) }
}

export interface RunOptions {
  readonly seed?: number
  readonly execution?: number
  /** The first values of the cells; all others are 0. */
  readonly cells?: readonly number[]
  /**
   * `gate`: the programs begin with a part that ends with `gate()` and is run in their order; `start`: that part is their
   * very beginning, so that there are fewer schedules.
   */
  readonly opening?: 'gate' | 'start'
  /** Whether threads that repeat themselves make way for others. */
  readonly spins?: boolean
  /** Livelock is called after so many steps of each spinning thread; left out: as a rule. */
  readonly spinBound?: number
}

export interface Outcome {
  /** One of `ENDING`. */
  readonly ending: number
  readonly culprit: number
  readonly memory: Int32Array
  readonly schedule: readonly number[]
  readonly preemptions: number
  /** Without the last steps if those were done because nobody else could go: the rounds of a livelock. */
  readonly trace: readonly TracedStep[]
  /** What the programs returned; undefined for those that did not get there. */
  readonly returned: readonly unknown[]
  /** What the program that failed threw. */
  readonly thrown: unknown
}

export interface TracedStep extends StepEffect {
  readonly enabler: number
  /** Actors that could be chosen. */
  readonly eligible: number
  readonly read: number
  readonly wrote: number
}

const MOST_CELLS = 128

/** One execution. Undefined if the strategy has nothing left to try. */
export function runOnce(machine: Machine, programs: readonly Program[], options: RunOptions = {}): Outcome | undefined {
  const { board, scheduler, strategy } = machine
  const { seed = 1, execution = 0 } = options
  const ops = programs.map(() => 4)
  board.reset(seed, execution, ops, options.opening !== undefined)
  board.head[HEAD.focused] = machine.focused ? 1 : 0
  board.head[HEAD.spinBound] = options.spinBound ?? 0
  scheduler.waits.reset()
  if (!strategy.begin(board)) return undefined
  const run = new Run(machine, programs, options)
  for (let actor = scheduler.next(); actor >= 0; actor = scheduler.next()) run.step(actor)
  strategy.end(board)
  return run.outcome()
}

/** All executions of a strategy, until it has nothing left. Throws RangeError if there are more than `most`. */
export function* runAll(machine: Machine, programs: readonly Program[], options: RunOptions = {}, most = 1e6) {
  for (let execution = 0; ; execution++) {
    const outcome = runOnce(machine, programs, { ...options, execution })
    if (outcome === undefined) return
    if (execution >= most) throw new RangeError(`more than ${most} executions`)
    yield outcome
  }
}

interface Fiber {
  readonly steps: Steps<unknown>
  pending: Operation
  /** Of its wait, while its pending operation is the wake; and when that times out. */
  entry: number
  deadline: number
  readonly window: SpinWindow
}

class Run {
  readonly #machine: Machine
  readonly #memory = new Int32Array(MOST_CELLS)
  readonly #fibers: Fiber[]
  readonly #spins: boolean
  readonly #gated: boolean
  readonly #returned: unknown[]
  #thrown: unknown

  constructor(machine: Machine, programs: readonly Program[], { cells = [], spins = false, opening }: RunOptions) {
    this.#machine = machine
    this.#memory.set(cells)
    this.#spins = spins
    this.#gated = opening === 'gate'
    this.#returned = programs.map(() => undefined)
    this.#fibers = programs.map((program, thread) => ({
      steps: program(thread),
      pending: START,
      entry: -1,
      deadline: 0,
      window: new SpinWindow(),
    }))
  }

  /** The thread does its pending operation, and goes on up to the next one. */
  step(thread: number): void {
    const fiber = this.#fibers[thread]
    const { kind } = fiber.pending
    if (fiber.entry >= 0) this.#goOn(thread, this.#wake(thread, fiber))
    else if (kind === OP.wait) this.#wait(thread, fiber)
    else if (kind === OP.notify) this.#goOn(thread, this.#notify(thread, fiber.pending))
    else if (kind === OP.clock) this.#goOn(thread, this.#clock(thread))
    else if (kind === OP.start || kind === OP.gate) this.#goOn(thread, this.#took(thread, 0, 0, 0))
    else this.#goOn(thread, this.#access(thread, fiber))
  }

  #goOn(thread: number, result: Result): void {
    const { scheduler } = this.#machine
    const fiber = this.#fibers[thread]
    try {
      const next = fiber.steps.next(result)
      if (next.done === true) {
        this.#returned[thread] = next.value
        scheduler.finish(thread)
      } else this.#arrive(thread, fiber, next.value)
    } catch (error) {
      this.#thrown = error
      scheduler.end(ENDING.failed, thread)
    }
  }

  #arrive(thread: number, fiber: Fiber, operation: Operation): void {
    const { board, scheduler } = this.#machine
    const address = addressOf(operation.cell)
    fiber.pending = operation
    if (!this.#gated || operation.kind === OP.gate) board.head[HEAD.opening] &= ~(1 << thread)
    board.set(thread, ACTOR.also, operation.begins === true ? DID.begins : 0)
    scheduler.arrive(thread, operation.kind, address, BYTES)
    if (!this.#spins) return
    if (fiber.window.isSpinning(operationOf(operation.kind, BYTES), address))
      scheduler.spinners.spin(thread, fiber.window.watched())
    else scheduler.spinners.goOn(thread)
  }

  /** The thread has done its pending operation. `moved`: it got somewhere by it. */
  #took(thread: number, did: number, read: number, wrote: number, moved = (did & DID.change) !== 0): number {
    const { board, scheduler } = this.#machine
    const { window } = this.#fibers[thread]
    if (board.of(thread, ACTOR.enabler) >= 0 || moved) window.clear()
    const kind = board.of(thread, ACTOR.kind)
    if (!moved && kind >= OP.load) window.inVain(operationOf(kind, BYTES), board.of(thread, ACTOR.address), read)
    scheduler.took(thread, did, read, wrote)
    return read
  }

  #access(thread: number, { pending }: Fiber): number {
    const read = this.#memory[pending.cell]
    const wrote = written(pending, read)
    if (wrote === undefined) return this.#took(thread, 0, read, read)
    this.#memory[pending.cell] = wrote
    return this.#took(thread, wrote === read ? DID.write : DID.write | DID.change, read, wrote)
  }

  #clock(thread: number): number {
    this.#took(thread, 0, 0, 0)
    return ++this.#machine.board.clock[0]
  }

  #notify(thread: number, { cell, value = 0 }: Operation): number {
    const { scheduler } = this.#machine
    const woken = scheduler.waits.count(addressOf(cell), value)
    this.#took(thread, 0, woken, 0, woken > 0)
    return scheduler.notify(addressOf(cell), value)
  }

  #wait(thread: number, fiber: Fiber): void {
    const { board, scheduler } = this.#machine
    const { cell, value, ms = FOR_EVER } = fiber.pending
    const timed = ms < FOR_EVER
    const read = this.#memory[cell]
    if (read !== value) {
      this.#took(thread, timed ? DID.timed : 0, read, read)
      this.#goOn(thread, 'not-equal')
      return
    }
    this.#took(thread, timed ? DID.sleep | DID.timed : DID.sleep, read, read)
    fiber.deadline = board.clock[0] + ms
    fiber.entry = scheduler.waits.enqueue(thread, addressOf(cell), timed)
    scheduler.sleep(thread, addressOf(cell), BYTES, timed)
  }

  #wake(thread: number, fiber: Fiber): Waited {
    const { board, scheduler } = this.#machine
    const notified = scheduler.waits.isNotified(fiber.entry)
    scheduler.waits.leave(fiber.entry)
    fiber.entry = -1
    if (!notified) board.clock[0] = Math.max(board.clock[0], fiber.deadline)
    this.#took(thread, notified ? 0 : DID.timeOut, notified ? 1 : 0, 0, notified)
    return notified ? 'ok' : 'timed-out'
  }

  outcome(): Outcome {
    const { board } = this.#machine
    return {
      ending: board.head[HEAD.ending],
      culprit: board.head[HEAD.culprit],
      memory: this.#memory,
      schedule: scheduleOf(board),
      preemptions: board.head[HEAD.preemptions],
      trace: traceOf(board),
      returned: this.#returned,
      thrown: this.#thrown,
    }
  }
}

function traceOf(board: Board): TracedStep[] {
  let steps = board.steps
  while (steps > 0 && board.at(steps - 1, STEP.enabled) === 0) steps--
  return Array.from({ length: steps }, (_, step) => ({
    actor: board.actorAt(step),
    kind: board.kindAt(step),
    did: board.didAt(step),
    address: board.at(step, STEP.address),
    bytes: board.bytesAt(step),
    enabler: board.at(step, STEP.enabler),
    eligible: board.at(step, STEP.enabled),
    read: board.at(step, STEP.read),
    wrote: board.at(step, STEP.wrote),
  }))
}

/** What an operation leaves in its cell; undefined if it does not write. */
function written({ kind, value = 0, expected }: Operation, read: number): number | undefined {
  if (kind === OP.store || kind === OP.exchange) return value
  if (kind === OP.add) return (read + value) | 0
  return kind === OP.compareExchange && read === expected ? value : undefined
}
