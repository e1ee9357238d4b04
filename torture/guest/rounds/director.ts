/** The main thread's part in the rounds: it ends them when their time is over. Threads do all the rest themselves. */
import { CLOCK, type Control, endRound, WORD } from '../control.ts'

export class Director {
  readonly #control: Control
  readonly #durationMs: number
  #roundMs: number
  /** Start of the round that was ended last: none is ended twice. */
  #ended = 0

  constructor(control: Control, durationMs: number) {
    this.#control = control
    this.#durationMs = durationMs
    this.#roundMs = durationMs
  }

  /** Rounds are as long as the scenario says, yet there are at least two: one alone never starts from a used state. */
  set roundMs(ms: number) {
    this.#roundMs = Math.min(ms, this.#durationMs / 2)
  }

  /** When the guest's time is over, on the clock of `now()`; 0 while the work has not begun. */
  get deadline(): number {
    const opened = this.#control.clock[CLOCK.gateOpened]
    return opened === 0 ? 0 : opened + this.#durationMs
  }

  /** No further round, and the present one ends. */
  stop(): void {
    Atomics.store(this.#control.words, WORD.stop, 1)
  }

  get stopping(): boolean {
    return Atomics.load(this.#control.words, WORD.stop) === 1
  }

  tick(time: number): void {
    const { words, clock } = this.#control
    if (this.deadline !== 0 && time >= this.deadline) this.stop()
    const round = Atomics.load(words, WORD.round)
    const started = clock[CLOCK.roundStarted]
    if (Atomics.load(words, WORD.inRound) === 0 || started === this.#ended) return
    if (!this.stopping && time < this.#endOf(started)) return
    this.#ended = started
    endRound(this.#control, round)
  }

  /** A last round too short to be worth its start is added to the one before. */
  #endOf(started: number): number {
    const end = started + this.#roundMs
    return this.deadline - end < this.#roundMs / 3 ? this.deadline : end
  }
}
