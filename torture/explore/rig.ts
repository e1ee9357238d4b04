/** What stands between a thread and its scenario: it is in place before any code of that, or of a package, runs. */
import { setFlagsFromString } from 'node:v8'
import type { SharedMessage, Stay } from '../guest/messages.ts'
import { buffersOf } from '../guest/shared.ts'
import { controlAtomics } from './control/atomics.ts'
import { Baton } from './control/baton.ts'
import { ControlledWaits } from './control/controlled-waits.ts'
import { noticeWorkers } from './control/own-workers.ts'
import { Abandoned, Stage } from './control/stage.ts'
import { controlTime } from './control/virtual.ts'
import type { ExplorerMemory } from './memory.ts'
import { StoreBuffers } from './memory-model/store-buffer.ts'
import { Addresses } from './report/addresses.ts'
import { Board } from './schedule/board.ts'
import { Scheduler } from './schedule/scheduler.ts'
import { Focus } from './search/focus.ts'
import type { Strategy } from './strategies/strategy.ts'

/**
 * A step goes through a dozen small functions, of files of their own; V8's budget for inlining is for less, and a step
 * then takes a third more instructions. Thread 0 sets it, before anything is hot; it holds for the process.
 */
const INLINING = ['--max-inlined-bytecode-size-cumulative=4000', '--max-inlined-bytecode-size=1200']

export interface StrategySet {
  readonly all: readonly Strategy[]
}

export type MakeStrategies<S extends StrategySet> = (board: Board, memory: ExplorerMemory, focus: Focus) => S

export class Rig<S extends StrategySet> {
  readonly stage: Stage
  readonly addresses: Addresses
  readonly waits: ControlledWaits
  readonly focus = new Focus()
  readonly strategies: S
  /** Begins the virtual time of a round. */
  readonly startTime: (seed: number, round: number) => void
  /** What `setup` returned, once that is covered. */
  buffers: readonly SharedArrayBuffer[] = []
  readonly #stay: Stay

  constructor(stay: Stay, strategies: MakeStrategies<S>) {
    const { thread, control } = stay
    const memory = stay.explorer!
    if (thread === 0) for (const flag of INLINING) setFlagsFromString(flag)
    const board = new Board(control.threads, memory.board)
    this.#stay = stay
    this.strategies = strategies(board, memory, this.focus)
    const scheduler = new Scheduler(board, this.strategies.all, this.focus)
    this.stage = new Stage(thread, scheduler, new Baton(memory.baton, thread))
    this.addresses = new Addresses(thread)
    this.waits = new ControlledWaits(this.stage, this.addresses)
    controlAtomics(this.stage, this.addresses, this.waits)
    this.startTime = controlTime(this.stage)
    noticeWorkers(() => this.stage.startsWorkers())
    process.on('uncaughtException', dropAbandoned)
  }

  /**
   * Now it is known which cells there are.
   * @param original what `setup` itself holds, before it travelled: on thread 0
   */
  cover({ shared, focus }: SharedMessage, original: unknown): void {
    const { addresses, stage } = this
    this.buffers = buffersOf(shared)
    addresses.place(this.buffers)
    if (original !== undefined) addresses.alias(buffersOf(original))
    this.focus.cover(focus!.focus)
    const { instance, thread } = this.#stay
    const model = instance.explore?.memoryModel ?? 'sc'
    if (model === 'sc') return
    const { board, scheduler } = stage
    stage.weak = new StoreBuffers({ board, scheduler, addresses, thread, model, scratch: board.scratch(14) })
  }
}

/** What makes a body leave may reach it in a callback of the event loop, and is no failure there either. */
function dropAbandoned(error: unknown): void {
  if (!(error instanceof Abandoned)) throw error
}
