/**
 * Cells at which threads are switched. A step on a cell that only one thread touches, or that nobody writes, commutes
 * with everything, so a switch before it is a switch somewhere else as well; in an execution of thousands of steps that
 * leaves a few dozen that matter. Addresses share a mark by words of 4 bytes: a cell within a word of the focus belongs to
 * it.
 */

export class Focus {
  #marks: Uint8Array = new Uint8Array()
  #known: Uint8Array = new Uint8Array()

  /** @param memory as for `cover`, where it is there already */
  constructor(memory?: SharedArrayBuffer) {
    if (memory !== undefined) this.cover(memory)
  }

  /** @param memory `focusBytes` of it; the same in all threads */
  cover(memory: SharedArrayBuffer): void {
    const words = memory.byteLength >> 1
    this.#marks = new Uint8Array(memory, 0, words)
    this.#known = new Uint8Array(memory, words, words)
  }

  /** What lies outside of the known buffers always counts. */
  has(address: number): boolean {
    const at = address >> 2
    return at >= this.#marks.length || this.#marks[at] !== 0
  }

  /** Whether it ever was in the focus. */
  knows(address: number): boolean {
    const at = address >> 2
    return at >= this.#known.length || this.#known[at] !== 0
  }

  add(address: number, bytes: number): void {
    const end = Math.min((address + bytes - 1) >> 2, this.#marks.length - 1)
    for (let at = address >> 2; at <= end; at++) {
      this.#marks[at] = 1
      this.#known[at] = 1
    }
  }

  remove(address: number, bytes: number): void {
    for (let at = address >> 2; at <= (address + bytes - 1) >> 2; at++) if (at < this.#marks.length) this.#marks[at] = 0
  }

  /** To have it made of other cells. */
  clear(): void {
    this.#marks.fill(0)
  }
}
