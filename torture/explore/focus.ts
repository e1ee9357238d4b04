/**
 * Cells at which threads are switched. A step on a cell that only one thread touches, or that nobody writes, commutes
 * with everything, so a switch before it is a switch somewhere else as well; in an execution of thousands of steps that
 * leaves a few dozen that matter.
 */

/** Addresses share a bit by words: a cell within a word of the focus belongs to it. */
const WORD_BYTES = 4

export class Focus {
  readonly #marks: Uint8Array

  /** @param memory one byte per word of all shared buffers; the same in all threads */
  constructor(memory: SharedArrayBuffer) {
    this.#marks = new Uint8Array(memory)
  }

  static memoryFor(bytes: number): SharedArrayBuffer {
    return new SharedArrayBuffer(Math.ceil(bytes / WORD_BYTES) + 1)
  }

  /** What lies outside of the known buffers always counts. */
  has(address: number): boolean {
    const at = address >> 2
    return at >= this.#marks.length || this.#marks[at] !== 0
  }

  add(address: number, bytes: number): void {
    for (let at = address >> 2; at <= (address + bytes - 1) >> 2; at++) if (at < this.#marks.length) this.#marks[at] = 1
  }

  remove(address: number, bytes: number): void {
    for (let at = address >> 2; at <= (address + bytes - 1) >> 2; at++) if (at < this.#marks.length) this.#marks[at] = 0
  }

  clear(): void {
    this.#marks.fill(0)
  }
}
