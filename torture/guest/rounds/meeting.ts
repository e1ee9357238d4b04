/**
 * A barrier for all threads of a guest. Each says how often it has arrived, in a cache line of its own, and looks at the
 * lines of the others: half the price of a counter that all write to, and tiny rounds pay it each time. It spins first,
 * so that threads leave it within a fraction of a microsecond of each other, and then sleeps, so that an oversubscribed
 * machine gives the CPU to whom everyone waits for.
 */
import { MINE, STATE, threadBase, WORD } from '../control.ts'

// Captured before a scenario is imported: the harness itself is never delayed, nor named as waiting.
const { add, load, notify, store, sub, wait } = Atomics

/**
 * A few milliseconds. It must exceed the time that a sleeper takes to wake up, also where other processes want the CPU:
 * if whoever was on time gives up before the late one arrives, each waits asleep for the other in turn, for ever, at a
 * hundredth of the pace.
 */
const SPINS = 400_000
const SPINS_OVERSUBSCRIBED = 50

export class Meeting {
  readonly #words: Int32Array
  readonly #mine: number
  readonly #others: Int32Array
  readonly #state: number
  readonly #spins: number
  /** How often this thread has arrived; it may wrap. */
  #arrivals = 0

  constructor(words: Int32Array, threads: number, thread: number, oversubscribed: boolean) {
    this.#words = words
    this.#mine = threadBase(thread) + MINE.arrivals
    const others = Array.from({ length: threads }, (_, t) => t).filter(t => t !== thread)
    this.#others = Int32Array.from(others, t => threadBase(t) + MINE.arrivals)
    this.#state = threadBase(thread) + MINE.state
    this.#spins = oversubscribed ? SPINS_OVERSUBSCRIBED : SPINS
  }

  /** Returns when all threads have called it as often. What a thread wrote before, the others see afterwards. */
  meet(): void {
    const words = this.#words
    this.#arrivals = (this.#arrivals + 1) | 0
    store(words, this.#mine, this.#arrivals)
    if (this.#complete(0)) {
      // Whoever came last sees all the others, and wakes those that sleep; nobody else need.
      if (load(words, WORD.sleepers) !== 0) {
        add(words, WORD.bell, 1)
        notify(words, WORD.bell)
      }
      return
    }
    if (!this.#complete(this.#spins)) this.#sleep()
  }

  /** Meets twice: whoever overslept the first time spins the second time, so that all leave together. */
  gate(): void {
    this.meet()
    this.meet()
  }

  /** Whether all others have come as far, once so many more looks have been taken. */
  #complete(looks: number): boolean {
    const words = this.#words
    const others = this.#others
    for (let i = 0; i < others.length; i++) {
      while (((load(words, others[i]) - this.#arrivals) | 0) < 0) if (looks-- === 0) return false
    }
    return true
  }

  #sleep(): void {
    const words = this.#words
    const before = load(words, this.#state)
    store(words, this.#state, STATE.waiting)
    add(words, WORD.sleepers, 1)
    for (;;) {
      // Counted before it looks: whoever comes last after this look finds a sleeper, and rings.
      const bell = load(words, WORD.bell)
      if (this.#complete(0)) break
      wait(words, WORD.bell, bell)
    }
    sub(words, WORD.sleepers, 1)
    store(words, this.#state, before)
  }
}
