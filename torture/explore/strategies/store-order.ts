/**
 * What a thread and its store buffer owe each other, under total store order: a store reaches memory after it was delayed,
 * one too many to be delayed waits for the oldest, and an operation in full order for all before it. None of that can be
 * the other way round. Beside it the two do not depend on each other: whether the thread looks at a cell before or after
 * its own store has reached memory, it finds the same there.
 */
import { DEPTH } from '../memory-model/store-buffer.ts'
import { DID, OP } from '../schedule/ops.ts'
import { isHidden, type Step } from './steps.ts'

/** Steps of a thread, and of its buffer. */
interface Stores {
  readonly delayed: number[]
  readonly drained: number[]
}

export class StoreOrder {
  readonly #threads: Stores[] = []

  /** Takes in the next step. */
  add(step: Step, number: number): void {
    if (step.kind === OP.drain) this.#of(step).drained.push(number)
    else if (isHidden(step)) this.#of(step).delayed.push(number)
  }

  /** Forgets all steps from this one on. */
  rewind(step: number): void {
    for (const { delayed, drained } of this.#threads)
      for (const list of [delayed, drained]) while (list.length > 0 && list[list.length - 1] >= step) list.pop()
  }

  /** The last step of the other one of the two that a step had to wait for; -1: none. */
  before(step: Step): number {
    if (step.kind === OP.drain) {
      const { delayed, drained } = this.#of(step)
      return delayed[drained.length]
    }
    if (isHidden(step)) {
      const { delayed, drained } = this.#of(step)
      return delayed.length >= DEPTH ? drained[delayed.length - DEPTH] : -1
    }
    return (step.did & DID.full) === 0 ? -1 : (this.#of(step).drained.at(-1) ?? -1)
  }

  #of({ owner }: Step): Stores {
    while (this.#threads.length <= owner) this.#threads.push({ delayed: [], drained: [] })
    return this.#threads[owner]
  }
}
