/**
 * Partial order sampling (Yuan, Yang, Gu: "Partial Order Aware Concurrency Sampling", CAV 2018).
 *
 * Every pending operation has a random priority, and the highest one is carried out. Then all those that race with it
 * draw again, so that the order of an operation and its next rival is not fixed by a draw that a former rival has
 * already lost; operations that race with nothing keep theirs. Sampled are partial orders rather than their many
 * linearisations.
 *
 * Where it differs from the paper: priorities are drawn when the strategy is next asked, not at once. Steps that were
 * done in between, because nobody else could go, are taken from the trace, so the distribution is the same.
 *
 * Invariants: an actor's priority belongs to the operation it was drawn for; operations race only if `dependent` says
 * so, where one that is still pending is taken for the most that it can be.
 */
import { ACTOR, type Board, lowest, STEP } from '../schedule/board.ts'
import { DID, dependent, OP } from '../schedule/ops.ts'
import type { Strategy } from './strategy.ts'

/** Words of the scratch: steps of the trace that were looked at, actors whose priority holds, the priorities. */
const SEEN = 0
const DRAWN = 1
const PRIORITY = 2

/** What a pending operation will do at most. */
const POSSIBLE = new Int32Array(32).fill(DID.write)
POSSIBLE[OP.load] = 0
POSSIBLE[OP.wait] = DID.sleep | DID.timed

export class Pos implements Strategy {
  readonly name = 'pos'
  readonly #words: Int32Array
  /** Filled in anew for every comparison. */
  readonly #done = { kind: 0, did: 0, address: 0, bytes: 1 }
  readonly #pending = { kind: 0, did: 0, address: 0, bytes: 1 }

  /** @param scratch the same memory in all threads */
  constructor(scratch: Int32Array) {
    this.#words = scratch
  }

  begin(): boolean {
    this.#words[SEEN] = 0
    this.#words[DRAWN] = 0
    return true
  }

  choose(board: Board): number {
    const words = this.#words
    const { steps, eligible, random } = board
    for (let step = words[SEEN]; step < steps; step++) this.#forget(board, step)
    words[SEEN] = steps
    for (let missing = eligible & ~words[DRAWN]; missing !== 0; missing &= missing - 1)
      words[PRIORITY + lowest(missing)] = random.int32()
    words[DRAWN] |= eligible
    let highest = lowest(eligible)
    for (let rest = eligible & (eligible - 1); rest !== 0; rest &= rest - 1) {
      const actor = lowest(rest)
      if (words[PRIORITY + actor] > words[PRIORITY + highest]) highest = actor
    }
    return highest
  }

  /** After a step neither its actor's priority holds nor that of anybody whose pending operation races with it. */
  #forget(board: Board, step: number): void {
    const words = this.#words
    words[DRAWN] &= ~(1 << board.actorAt(step))
    const done = this.#done
    done.kind = board.kindAt(step)
    done.did = board.didAt(step)
    done.address = board.at(step, STEP.address)
    done.bytes = board.bytesAt(step)
    for (let rest = words[DRAWN]; rest !== 0; rest &= rest - 1)
      if (dependent(done, this.#pendingOf(board, lowest(rest)))) words[DRAWN] &= ~(rest & -rest)
  }

  #pendingOf(board: Board, actor: number) {
    const pending = this.#pending
    pending.kind = board.of(actor, ACTOR.kind)
    pending.did = POSSIBLE[pending.kind]
    pending.address = board.of(actor, ACTOR.address)
    pending.bytes = board.of(actor, ACTOR.bytes)
    return pending
  }

  end(): void {}
}
