/**
 * A barrier for all threads of a guest. Spins first, so that threads leave it within a fraction of a microsecond of
 * each other, and then sleeps, so that an oversubscribed machine gives the CPU to whom everyone waits for.
 */
import { MINE, STATE, threadBase, WORD } from './control.ts'

// Captured before a scenario is imported: the harness itself is never delayed, nor named as waiting.
const { add, load, notify, store, sub, wait } = Atomics

/**
 * About 200 us. It must exceed the time that a sleeper takes to wake up: if whoever was on time gives up before the
 * late one arrives, each waits asleep for the other in turn, for ever, at a hundredth of the pace.
 */
const SPINS = 20_000
const SPINS_OVERSUBSCRIBED = 50

export class Meeting {
  readonly #words: Int32Array
  readonly #threads: number
  readonly #state: number
  readonly #spins: number

  constructor(words: Int32Array, threads: number, thread: number, oversubscribed: boolean) {
    this.#words = words
    this.#threads = threads
    this.#state = threadBase(thread) + MINE.state
    this.#spins = oversubscribed ? SPINS_OVERSUBSCRIBED : SPINS
  }

  /** Returns when all threads have called it. What a thread wrote before, the others see afterwards. */
  meet(): void {
    const words = this.#words
    const generation = load(words, WORD.generation)
    if (add(words, WORD.arrived, 1) === this.#threads - 1) {
      store(words, WORD.arrived, 0)
      store(words, WORD.generation, (generation + 1) | 0)
      // A sleeper counts itself before it looks at the generation again, so either it is seen here or it does not sleep.
      if (load(words, WORD.sleepers) !== 0) notify(words, WORD.generation)
      return
    }
    for (let i = 0; i < this.#spins; i++) if (load(words, WORD.generation) !== generation) return
    this.#sleep(generation)
  }

  /** Meets twice: whoever overslept the first time spins the second time, so that all leave together. */
  gate(): void {
    this.meet()
    this.meet()
  }

  #sleep(generation: number): void {
    const words = this.#words
    const before = load(words, this.#state)
    store(words, this.#state, STATE.waiting)
    add(words, WORD.sleepers, 1)
    while (load(words, WORD.generation) === generation) wait(words, WORD.generation, generation)
    sub(words, WORD.sleepers, 1)
    store(words, this.#state, before)
  }
}
