/**
 * Where the threads of tiny rounds run. They wait for each other every microsecond, and that works only while they run
 * at the same time: two of them on one CPU take turns of milliseconds instead, which is where a system with other work
 * puts them sooner or later, and leaves them.
 */
import { execFile } from 'node:child_process'
import { type Control, MINE, threadBase, WORD } from '../control.ts'
import { allowedCpus } from '../watch/proc.ts'

/** Bars a thread of this process from all CPUs but these. Without `taskset`, or the right to use it, it stays as it is. */
export function keepOn(cpus: readonly number[], tid: number, done: (error: Error | null) => void = () => {}): void {
  execFile('taskset', ['-cp', cpus.join(','), String(tid)], done)
}

export class Placement {
  readonly #control: Control
  #placed = false

  constructor(control: Control) {
    this.#control = control
  }

  /**
   * Gives each thread a CPU of its own once tiny rounds have begun. Only where the threads take up all that there are:
   * where some are left the system finds a free one, and other guests may have the same ones in mind.
   */
  tick(): void {
    const { words, threads } = this.#control
    if (this.#placed || Atomics.load(words, WORD.batch) === 0) return
    this.#placed = true
    const cpus = allowedCpus()
    if (threads < 2 || cpus.length !== threads) return
    for (let t = 0; t < threads; t++) {
      const tid = Atomics.load(words, threadBase(t) + MINE.tid)
      if (tid !== 0) keepOn([cpus[t]], tid)
    }
  }
}
