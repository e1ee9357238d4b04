/**
 * Carries out a given schedule. Strictly, every step is done by the actor that did it then, and the execution ends where
 * that one cannot go. Leniently, for schedules that nobody has seen run, the wanted actors are preferences: one that
 * cannot go is passed over. When nothing more is wanted, threads go on without being preempted.
 *
 * Invariants: an execution's own schedule, replayed either way, does the same steps; neither way preempts a thread
 * where the schedule does not.
 */
import { ASIDE, type Board, lowest, MOST_STEPS } from '../schedule/board.ts'
import { type Strategy, UNFORCED } from './strategy.ts'

/** Words of the scratch. */
const WORD = { length: 0, strict: 1, position: 2, misfit: 3, asides: 4 } as const

export class Replay implements Strategy {
  readonly name = 'replay'
  readonly #words: Int32Array
  readonly #wanted: Int32Array

  /** @param wanted memory for `MOST_STEPS` steps, the same in all threads, as the scratch is */
  constructor(scratch: Int32Array, wanted: Int32Array) {
    this.#words = scratch
    this.#wanted = wanted
  }

  /** Thread 0: what the next executions are to do. */
  set(actors: ArrayLike<number>, { strict }: { readonly strict: boolean }): void {
    const length = Math.min(actors.length, MOST_STEPS)
    for (let step = 0; step < length; step++) this.#wanted[step] = actors[step]
    this.#words[WORD.length] = length
    this.#words[WORD.strict] = strict ? 1 : 0
  }

  /** The first step that could not be done as wanted, where that ended a strict replay; otherwise -1. */
  get misfitAt(): number {
    return this.#words[WORD.misfit]
  }

  begin(): boolean {
    this.#words[WORD.position] = 0
    this.#words[WORD.misfit] = -1
    this.#words[WORD.asides] = 0
    return true
  }

  forced(board: Board, able: number, opening: boolean): number {
    const words = this.#words
    if (words[WORD.strict] === 0) return opening ? this.#opens(lowest(able)) : this.#preferred(able)
    const { steps } = board
    if (steps >= words[WORD.length]) return UNFORCED
    let next = steps
    while (this.#wanted[next] === ASIDE && next < words[WORD.length] - 1) next++
    const actor = this.#wanted[next]
    if ((able & (1 << actor)) !== 0) return actor
    words[WORD.misfit] = steps
    return -1
  }

  /** Who has to open handles does: that was nobody's choice, and is no reason to pass over others. */
  #opens(actor: number): number {
    const words = this.#words
    const position = words[WORD.position]
    if (position < words[WORD.length] && this.#wanted[position] === actor) words[WORD.position]++
    return actor
  }

  #preferred(able: number): number {
    const words = this.#words
    while (words[WORD.position] < words[WORD.length]) {
      const actor = this.#wanted[words[WORD.position]++]
      if (actor === ASIDE) words[WORD.asides]++
      else if ((able & (1 << actor)) !== 0) return actor
    }
    return UNFORCED
  }

  /** Whether the present operation is to happen out of its order: that stands before it in a schedule. */
  aside({ steps }: Board): boolean {
    const words = this.#words
    if (words[WORD.strict] === 1) return steps < words[WORD.length] && this.#wanted[steps] === ASIDE
    if (words[WORD.asides] === 0) return false
    words[WORD.asides]--
    return true
  }

  /** Nothing more is wanted. */
  choose({ eligible, last }: Board): number {
    return last >= 0 && (eligible & (1 << last)) !== 0 ? last : lowest(eligible)
  }

  end(): void {}
}
