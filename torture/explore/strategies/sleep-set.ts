/**
 * The actors that are asleep at the present step, in shared memory: each with what its next step does, as an earlier
 * execution from the same state showed. It stays the same until somebody does a step that it depends on, which takes the
 * actor out of the set.
 */
import type { Board } from '../schedule/board.ts'
import { type Look, ordered, ownerOf, type Step, stepAt } from './steps.ts'

/** Words of it. */
const SET = { everyState: 0, followed: 1, mask: 2, end: 3, first: 4 } as const
/** Room for all actors, each of which awaits as many cells as a thread can. */
export const SLEEP_SET_WORDS = 2048

/** Those that are still asleep after a step. */
export function stillAsleep(asleep: readonly Step[], step: Step, everyState: boolean): readonly Step[] {
  const wakes = (sleeper: Step) => sleeper.actor === step.actor || ordered(sleeper, step, everyState)
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
  put(step: number, asleep: readonly Step[]): void {
    const w = this.#w
    w[SET.followed] = step
    w[SET.mask] = 0
    let at: number = SET.first
    for (const { actor, kind, did, address, bytes, awaits } of asleep) {
      w[SET.mask] |= 1 << actor
      w[at++] = actor
      w[at++] = kind
      w[at++] = did
      w[at++] = address
      w[at++] = bytes
      w[at++] = awaits.length
      for (const look of awaits) {
        w[at++] = look.forSleeper ? ~look.address : look.address
        w[at++] = look.bytes
      }
    }
    w[SET.end] = at
  }

  /** Who is asleep now, as a mask: follows the steps that were done since it was last asked. */
  follow(board: Board): number {
    const w = this.#w
    if (w[SET.mask] === 0) return 0
    let asleep: readonly Step[] = this.#read(board.threads)
    for (let step = w[SET.followed]; step < board.steps && asleep.length > 0; step++)
      asleep = stillAsleep(asleep, stepAt(board, step), this.everyState)
    this.put(board.steps, asleep)
    return w[SET.mask]
  }

  #read(threads: number): Step[] {
    const w = this.#w
    const asleep: Step[] = []
    for (let at: number = SET.first; at < w[SET.end]; ) {
      const [actor, kind, did, address, bytes, looks] = w.subarray(at, at + 6)
      at += 6
      const awaits: Look[] = []
      for (let n = 0; n < looks; n++, at += 2) {
        const forSleeper = w[at] < 0
        awaits.push({ address: forSleeper ? ~w[at] : w[at], bytes: w[at + 1], forSleeper, step: -1 })
      }
      asleep.push({ actor, owner: ownerOf(actor, threads), kind, did, address, bytes, awaits })
    }
    return asleep
  }
}
