/** One execution, seen from thread 0: restores the image, starts the threads, takes part, judges. */
import { STATE } from '../guest/control.ts'
import { checkRound } from '../guest/rounds/check.ts'
import type { ExploredFault, FaultBox } from './control/fault-box.ts'
import { opensHandles, type Player, type TracedPart } from './control/player.ts'
import type { Stage, Traced } from './control/stage.ts'
import type { Called } from './report/calls.ts'
import { describeStandstill } from './report/deadlock.ts'
import type { Names } from './report/names.ts'
import { ACTOR, type Board, ENDING, HEAD, scheduleOf } from './schedule/board.ts'
import type { Schedule } from './schedule/schedule.ts'
import type { Explored } from './search/explored.ts'
import type { Strategy } from './strategies/strategy.ts'

export interface ExecutionOptions {
  /** Number of the strategy; it must be the one at that place in every thread. */
  readonly strategy: number
  /** Seeds the strategy's draws. */
  readonly execution: number
  /** Of the bodies' random streams. */
  readonly round: number
  /** How often `more()` says yes, by thread. */
  readonly ops: ArrayLike<number>
  /** A thread that repeats itself is let run on once in so many times; 0: never. */
  readonly burstOneIn: number
  readonly focused: boolean
  /** Times that a thread may repeat itself before it makes way for others. Default PATIENCE. */
  readonly patience?: number
  /** Steps of each spinning thread, while nobody else can go, before it is called a livelock. Default SPIN_BOUND. */
  readonly spinBound?: number
  readonly traced?: boolean
  /** Steps after which lots are drawn instead of asking the strategy. Default never. */
  readonly fairAfter?: number
  /** Whether delayed stores are held back: see `Reordering`. Default false. */
  readonly holdsBack?: boolean
  /** Whether operations in full order wait for their thread's store buffer: see `HEAD`. Default false. */
  readonly fullWaits?: boolean
  /** Steps after which the execution is cut off. */
  readonly stepLimit?: number
}

export interface Outcome {
  /** One of `ENDING`. */
  readonly ending: number
  readonly fault?: ExploredFault
}

export class Execution {
  readonly board: Board
  readonly #stage: Stage
  readonly #participant: Explored
  readonly #player: Player
  readonly #strategies: readonly Strategy[]
  readonly #box: FaultBox
  readonly #restore: () => void
  readonly #names: Names
  readonly #shared: unknown
  readonly #opens: boolean
  readonly #seed: number
  #traced: Traced[] = []
  #calls: Called[] = []

  constructor(options: {
    stage: Stage
    participant: Explored
    player: Player
    strategies: readonly Strategy[]
    box: FaultBox
    restore: () => void
    names: Names
    shared: unknown
  }) {
    this.board = options.stage.board
    this.#stage = options.stage
    this.#participant = options.participant
    this.#player = options.player
    this.#strategies = options.strategies
    this.#box = options.box
    this.#restore = options.restore
    this.#names = options.names
    this.#shared = options.shared
    this.#opens = opensHandles(options.participant)
    this.#seed = options.participant.instance.seed
  }

  /** Whether calls are recorded: their order matters, whatever cells they touch. */
  get hasHistory(): boolean {
    return this.#participant.histories !== undefined
  }

  /** Undefined: the strategy has nothing left to try. */
  run(options: ExecutionOptions): Outcome | undefined | Promise<Outcome> {
    if (!this.#begin(options)) return undefined
    this.#participant.state(STATE.running)
    const stage = this.#stage
    const first = stage.choose()
    if (first !== 0) {
      if (first < 0) this.board.head[HEAD.abandoned] = 1
      stage.handOver(Math.max(first, 0) || this.#anyOther())
    }
    if ((this.board.head[HEAD.unfinished] & 1) !== 0) {
      const playing = this.#player.play()
      if (playing !== undefined) return playing.then(() => this.#end(options))
    }
    return this.#end(options)
  }

  /** A schedule that fits nothing from its first step on still has to get every thread through. */
  #anyOther(): number {
    return this.board.threads > 1 ? 1 : 0
  }

  #begin(options: ExecutionOptions): boolean {
    const { board } = this
    const { head } = board
    this.#restore()
    this.#participant.histories?.clear(0)
    this.#stage.scheduler.waits.reset()
    this.#stage.weak?.reset()
    head[HEAD.strategy] = options.strategy
    head[HEAD.round] = options.round
    head[HEAD.burstOneIn] = options.burstOneIn
    head[HEAD.focused] = options.focused ? 1 : 0
    head[HEAD.traced] = options.traced ? 1 : 0
    head[HEAD.patience] = options.patience ?? 0
    head[HEAD.spinBound] = options.spinBound ?? 0
    head[HEAD.fairAfter] = options.fairAfter ?? 0
    head[HEAD.holdsBack] = options.holdsBack ? 1 : 0
    head[HEAD.fullWaits] = options.fullWaits ? 1 : 0
    head[HEAD.stepLimit] = options.stepLimit ?? 0
    board.reset(this.#seed, options.execution, options.ops, this.#opens)
    this.#stage.scheduler.reordering.begin()
    return this.#strategies[options.strategy].begin(board)
  }

  #end(options: ExecutionOptions): Outcome {
    const { head } = this.board
    if (options.traced || head[HEAD.cloned] === 1) this.#collect()
    const ending = head[HEAD.ending]
    if (ending === ENDING.finished) checkRound(this.#participant, 0, this.#shared, options.round)
    else if (ending === ENDING.deadlock || ending === ENDING.livelock) {
      const { message, details } = describeStandstill(this.board, this.#stage.scheduler.waits, this.#names)
      this.#box.put({ oracle: 'HANG', message, thread: this.#names.threads[head[HEAD.culprit]], details })
    }
    // What comes until the next one is ours, and long where executions are: to think is not to hang.
    this.#participant.state(STATE.idle)
    this.#strategies[options.strategy].end(this.board)
    return this.#box.full ? { ending: head[HEAD.ending], fault: this.#box.take() } : { ending }
  }

  #collect(): void {
    const parts = [this.#player.part]
    this.#participant.values.collect(message => parts.push(message as TracedPart))
    this.#traced = parts.flatMap(({ traced }) => traced)
    this.#calls = parts.flatMap(({ calls }) => calls)
  }

  /** What the steps of a traced execution were, in their order. */
  get traced(): readonly Traced[] {
    return this.#traced.sort((a, b) => a.step - b.step)
  }

  /** The recorded calls of a traced execution. */
  get calls(): readonly Called[] {
    return this.#calls
  }

  /** The schedule of the execution just done. */
  schedule(options: ExecutionOptions): Schedule {
    const { board } = this
    const ops = Array.from(options.ops)
    // Bodies that never asked for more do as much whatever they are granted. Who is granted nothing may have asked.
    const asked = ops.some((granted, thread) => granted === 0 || board.of(thread, ACTOR.ops) !== granted)
    return { round: options.round, ...(asked && { ops }), actors: scheduleOf(board) }
  }
}
