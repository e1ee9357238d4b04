/**
 * The actors that are asleep at the present step, in shared memory: each with what its next step does, as an earlier
 * execution from the same state showed. It stays the same until somebody does a step that it depends on, which takes the
 * actor out of the set.
 */
import type { Board } from '../board.ts'
import { effectAt, type StepEffect } from '../scheduler.ts'
import { ordered } from './happens-before.ts'

/** Words of it. */
const SET = { everyState: 0, followed: 1, count: 2, first: 3 } as const
const ENTRY_WORDS = 5
export const SLEEP_SET_WORDS = 256

/** Those that are still asleep after a step. */
export function stillAsleep(
  asleep: readonly StepEffect[],
  step: StepEffect,
  everyState: boolean,
): readonly StepEffect[] {
  const wakes = (sleeper: StepEffect) => sleeper.actor === step.actor || ordered(sleeper, step, everyState)
  return asleep.some(wakes) ? asleep.filter(sleeper => !wakes(sleeper)) : asleep
}

export class SleepSet {
  readonly #w: Int32Array

  /** @param words `SLEEP_SET_WORDS` of them */
  constructor(words: Int32Array) {
    this.#w = words
  }

  /** Whether the order of any two changes matters. */
  get everyState(): boolean {
    return this.#w[SET.everyState] === 1
  }

  set everyState(matters: boolean) {
    this.#w[SET.everyState] = matters ? 1 : 0
  }

  /** @param step the one before which they are asleep */
  put(step: number, asleep: readonly StepEffect[]): void {
    const w = this.#w
    w[SET.followed] = step
    w[SET.count] = asleep.length
    let at = SET.first
    for (const { actor, kind, did, address, bytes } of asleep) {
      w[at++] = actor
      w[at++] = kind
      w[at++] = did
      w[at++] = address
      w[at++] = bytes
    }
  }

  /** Who is asleep now, as a mask: follows the steps that were done since it was last asked. */
  follow(board: Board): number {
    const w = this.#w
    if (w[SET.count] > 0) {
      let asleep: readonly StepEffect[] = this.#entries()
      for (let step = w[SET.followed]; step < board.steps && asleep.length > 0; step++)
        asleep = stillAsleep(asleep, effectAt(board, step), this.everyState)
      this.put(board.steps, asleep)
    }
    let mask = 0
    for (let n = 0; n < w[SET.count]; n++) mask |= 1 << w[SET.first + ENTRY_WORDS * n]
    return mask
  }

  #entries(): StepEffect[] {
    const w = this.#w
    return Array.from({ length: w[SET.count] }, (_, n) => {
      const at = SET.first + ENTRY_WORDS * n
      return { actor: w[at], kind: w[at + 1], did: w[at + 2], address: w[at + 3], bytes: w[at + 4] }
    })
  }
}
