/**
 * The baton: whoever has it runs, all others sleep. One word a thread, each on a cache line of its own; handing over is
 * a store and a notify. Nobody spins: the whole process is meant to run on one CPU, where a spin only keeps it from
 * whoever is waited for.
 */
import { engine } from '../../guest/engine.ts'

const LINE = 16
const { load, notify, store, wait } = engine

export class Baton {
  readonly #words: Int32Array
  readonly #mine: number
  /** Called before sleeping and after. */
  onWait: (waiting: boolean) => void = () => {}

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#words = new Int32Array(memory)
    this.#mine = LINE * thread
  }

  /** What this thread wrote before, the other sees after its `wait` has returned. */
  pass(to: number): void {
    store(this.#words, LINE * to, 1)
    notify(this.#words, LINE * to, 1)
  }

  /** Sleeps until somebody passes the baton here. */
  wait(): void {
    const words = this.#words
    this.onWait(true)
    while (load(words, this.#mine) === 0) wait(words, this.#mine, 0)
    store(words, this.#mine, 0)
    this.onWait(false)
  }
}
