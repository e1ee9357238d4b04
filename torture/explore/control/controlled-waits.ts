/**
 * `wait`, `waitAsync` and `notify` under control. A wait is one step that compares and joins the queue of its cell, and
 * another one that returns: after a notify, which takes waits out of the queue in the order in which they came, or by
 * time-out, which is a choice of the scheduler like any other and moves the virtual clock to the deadline.
 */

import { engine } from '../../guest/engine.ts'
import type { Addresses, Known } from '../report/addresses.ts'
import { type Board, HEAD } from '../schedule/board.ts'
import { DID, OP } from '../schedule/ops.ts'
import type { Stage } from './stage.ts'

/** An asynchronous wait that is not over. */
interface Pending {
  readonly entry: number
  readonly address: number
  readonly bytes: number
  readonly deadline: number
  readonly resolve: (result: string) => void
}

export class ControlledWaits {
  readonly #stage: Stage
  readonly #addresses: Addresses
  #pending: Pending[] = []

  constructor(stage: Stage, addresses: Addresses) {
    this.#stage = stage
    this.#addresses = addresses
  }

  /** Forgets the execution before; its promises stay open for ever. */
  reset(): void {
    this.#pending = []
    this.#addresses.reset()
  }

  get #board(): Board {
    return this.#stage.board
  }

  /** @param ms Infinity: no time-out */
  wait(cells: Int32Array, index: number, known: Known, value: number | bigint, ms: number): string {
    const stage = this.#stage
    const { thread } = stage
    const address = known.base + index * known.bytes
    const entry = this.#enqueue(cells, index, known, value, ms)
    if (typeof entry === 'string') return entry
    const { waits } = stage.scheduler
    const deadline = this.#board.clock[0] + ms
    stage.scheduler.sleep(thread, address, known.bytes, ms < Number.POSITIVE_INFINITY, entry)
    stage.turn()
    const ok = waits.isNotified(entry)
    waits.leave(entry)
    return this.#wake(ok, deadline)
  }

  /** As the specification has it: `{ async: false, value }`, or `{ async: true, value: promise }`. */
  waitAsync(cells: Int32Array, index: number, known: Known, value: number | bigint, ms: number): object {
    const entry = this.#enqueue(cells, index, known, value, ms)
    if (typeof entry === 'string') return { async: false, value: entry }
    const address = known.base + index * known.bytes
    const deadline = this.#board.clock[0] + ms
    if (this.pending) this.#board.head[HEAD.crowded] = 1
    const promise = new Promise<string>(resolve => {
      this.#pending.push({ entry, address, bytes: known.bytes, deadline, resolve })
    })
    return { async: true, value: promise }
  }

  notify(known: Known, address: number, count: number): number {
    const stage = this.#stage
    stage.point(OP.notify, address, known.bytes)
    stage.weak?.flush()
    // What it does to others comes after its step, which they name as the one that made them go on.
    const woken = stage.scheduler.waits.count(address, count)
    stage.told(0, woken, 0, String(woken))
    stage.scheduler.notify(address, count)
    if (woken > 0) stage.progressed()
    return woken
  }

  /** The number of the entry in the queue, or the result of a wait that does not sleep. */
  #enqueue(cells: Int32Array, index: number, known: Known, value: number | bigint, ms: number): number | string {
    const stage = this.#stage
    const address = known.base + index * known.bytes
    stage.point(OP.wait, address, known.bytes)
    stage.weak?.flush()
    const held = engine.load(cells, index) as number | bigint
    const timed = ms > 0 && ms < Number.POSITIVE_INFINITY
    if (held !== value || ms === 0) {
      const result = held === value ? 'timed-out' : 'not-equal'
      stage.told(timed ? DID.timed : 0, held, held, result)
      return result
    }
    const entry = stage.scheduler.waits.enqueue(stage.thread, address, timed)
    stage.told(timed ? DID.sleep | DID.timed : DID.sleep, held, held)
    return entry
  }

  #wake(ok: boolean, deadline: number): string {
    const stage = this.#stage
    const result = ok ? 'ok' : 'timed-out'
    if (!ok) this.#board.clock[0] = Math.max(this.#board.clock[0], deadline)
    // Whoever notified it did so in full order, and so it goes on.
    else stage.weak?.flush()
    stage.told(ok ? 0 : DID.timeOut, ok ? 1 : 0, 0, result)
    if (ok) stage.progressed()
    return result
  }

  /** Whether the thread waits for a promise that somebody can fulfil. */
  get pending(): boolean {
    return this.#pending.length > 0
  }

  /** The thread has nothing to do but wait: returns when one of its asynchronous waits is over and was resolved. */
  settleOne(): void {
    const stage = this.#stage
    const { waits } = stage.scheduler
    const ready = this.#pending.find(({ entry }) => waits.isNotified(entry))
    const timed = this.#pending.some(({ deadline }) => deadline < Number.POSITIVE_INFINITY)
    const shown = ready ?? this.#pending[0]
    stage.scheduler.sleep(stage.thread, shown.address, shown.bytes, ready !== undefined || timed)
    stage.turn()
    const over =
      this.#pending.find(({ entry }) => waits.isNotified(entry)) ??
      this.#pending.reduce((a, b) => (b.deadline < a.deadline ? b : a))
    const ok = waits.isNotified(over.entry)
    waits.leave(over.entry)
    this.#pending.splice(this.#pending.indexOf(over), 1)
    over.resolve(this.#wake(ok, over.deadline))
  }
}
