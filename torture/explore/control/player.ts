/** One thread's part in an execution: opens its handles, runs its body, leaves. */

import { setImmediate, setTimeout } from 'node:timers/promises'
import type { MessagePort } from 'node:worker_threads'
import { realMs } from '../../guest/engine.ts'
import { Xoshiro } from '../../guest/random.ts'
import { faultOf } from '../../guest/report/report.ts'
import type { Context } from '../../guest/rounds/participant.ts'
import { isThenable } from '../../guest/thenable.ts'
import { type Called, noting } from '../report/calls.ts'
import { isBeyond, MOST_STORED } from '../report/interleaving.ts'
import { ACTOR, type Board, ENDING, HEAD } from '../schedule/board.ts'
import type { Explored } from '../search/explored.ts'
import type { ControlledWaits } from './controlled-waits.ts'
import type { Stage, Traced } from './stage.ts'

/**
 * How long a body may await what is not under control, ms. Nobody else runs meanwhile, so it proves nothing that nothing
 * comes: it may be another thread, or a worker of the body's own, that would have to send it.
 */
const FOREIGN_MS = 2000

/** What a traced execution sends to thread 0. */
export interface TracedPart {
  readonly traced: readonly Traced[]
  readonly calls: readonly Called[]
}

export class Player {
  readonly #participant: Explored
  readonly #stage: Stage
  readonly #board: Board
  readonly #waits: ControlledWaits
  readonly #context: Context
  readonly #random = new Xoshiro(0, 0, 0)
  readonly #startTime: (seed: number, round: number) => void
  /** Whether any body has an `open`: all threads then open in their order before the first runs. */
  readonly #opens: boolean
  readonly #toFirst: MessagePort | undefined
  #traced: Traced[] = []
  /** Recorded calls of a traced execution. */
  #calls: Called[] | undefined

  constructor(options: {
    participant: Explored
    stage: Stage
    waits: ControlledWaits
    shared: unknown
    startTime: (seed: number, round: number) => void
    toFirst: MessagePort | undefined
  }) {
    const { participant, stage } = options
    this.#participant = participant
    this.#stage = stage
    this.#board = stage.board
    this.#waits = options.waits
    this.#startTime = options.startTime
    this.#toFirst = options.toFirst
    this.#opens = opensHandles(participant)
    const context = participant.context(options.shared, this.#random, () => this.#more())
    const steps = () => this.#board.of(stage.thread, ACTOR.steps)
    this.#context = { ...context, ...noting(context, () => this.#calls, steps, stage.thread) }
  }

  /** Called with the baton; returns without it, thread 0 with it again. */
  play(): void | Promise<void> {
    const { head } = this.#board
    const stage = this.#stage
    stage.reset()
    if (head[HEAD.abandoned] === 1) return this.#leave()
    this.#begin()
    try {
      stage.started()
      if (this.#opens && !this.#open()) return this.#leave()
      stage.active = true
      const value = this.#participant.body.run(this.#context)
      if (isThenable(value)) return this.#settle(value)
      stage.active = false
      this.#put(value)
    } catch (error) {
      this.#caught(error)
    }
    this.#leave()
  }

  #begin(): void {
    const { head } = this.#board
    const { instance, seat } = this.#participant
    const round = head[HEAD.round]
    this.#waits.reset()
    this.#participant.round = round
    this.#random.reseed(instance.seed, seat.thread, round)
    this.#startTime(instance.seed, round)
    this.#participant.histories?.recorder.begin(0)
    this.#traced = []
    this.#calls = head[HEAD.traced] === 1 ? [] : undefined
    this.#stage.onTraced = head[HEAD.traced] === 1 ? traced => this.#trace(traced) : undefined
  }

  /** In the order of the threads, and as far as it goes without switches. False if it threw. */
  #open(): boolean {
    const stage = this.#stage
    stage.active = true
    const opened = this.#participant.open(this.#context)
    stage.active = false
    if (!opened) {
      this.#participant.values.putThrown(0)
      return false
    }
    stage.gate()
    return true
  }

  /** A body that returned a promise goes on whenever one of its asynchronous waits is over. */
  async #settle(value: PromiseLike<unknown>): Promise<void> {
    const stage = this.#stage
    let settled = false
    const outcome = Promise.resolve(value).then(
      result => {
        settled = true
        return () => this.#put(result)
      },
      error => {
        settled = true
        return () => this.#caught(error)
      },
    )
    try {
      while (!settled) {
        // All that can go on without the outside world goes on before the event loop turns.
        await setImmediate()
        if (settled) break
        if (this.#waits.pending) this.#waits.settleOne()
        else await this.#awaitForeign(() => settled || this.#waits.pending)
      }
      stage.active = false
      ;(await outcome)()
    } catch (error) {
      this.#caught(error)
    }
    this.#leave()
  }

  /** Something that is not under control: it is waited for, since nothing else can be done, and said. */
  async #awaitForeign(isOver: () => boolean): Promise<void> {
    this.#board.head[HEAD.foreignAwaits]++
    const until = realMs() + FOREIGN_MS
    while (!isOver() && realMs() < until) {
      this.#stage.beat()
      await setTimeout(1)
    }
    if (isOver()) return
    this.#board.head[HEAD.givenUp]++
    this.#stage.scheduler.end(ENDING.cutOff, this.#stage.thread)
    throw new Error('given up')
  }

  #put(value: unknown): void {
    if (this.#participant.values.put(0, value)) this.#board.head[HEAD.cloned] = 1
  }

  /** What a body throws after the end of the execution is its way of leaving. */
  #caught(error: unknown): void {
    this.#stage.active = false
    this.#participant.values.putThrown(0)
    if (this.#board.head[HEAD.ending] === ENDING.none)
      this.#participant.failed(faultOf(error, 'exception'), this.#context.shared)
  }

  #leave(): void {
    this.#stage.active = false
    if (this.#board.head[HEAD.traced] === 1) this.#sendTraced()
    this.#stage.leave()
  }

  #sendTraced(): void {
    this.#toFirst?.postMessage(this.part)
  }

  /** What this thread traced itself: thread 0 needs no message. */
  get part(): TracedPart {
    return { traced: this.#traced, calls: this.#calls ?? [] }
  }

  /** Keeps what may be stored of them. */
  #trace(traced: Traced): void {
    if (isBeyond(this.#board)) return
    this.#traced.push(traced)
    if (this.#traced.length >= 2 * MOST_STORED) this.#traced.splice(0, MOST_STORED)
  }

  #more(): boolean {
    const { thread } = this.#stage
    const left = this.#board.of(thread, ACTOR.ops)
    if (left <= 0) return false
    this.#board.set(thread, ACTOR.ops, left - 1)
    return true
  }
}

export const opensHandles = ({ scenario }: Explored): boolean =>
  Object.values(scenario.threads).some(body => body.open !== undefined)
