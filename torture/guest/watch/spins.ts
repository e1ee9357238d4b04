/**
 * Which words a thread spins on. Nobody pays for it until there is a hang: only then the guest has the thread, through
 * the inspector, note for a moment what its operations touch. Methods that a package captured are noted on jittered
 * threads, where what it captured was the delaying ones.
 */
import type { BufferNumbers } from '../shared.ts'

/** A word as thread and main thread both number it; `buffer` is -1 for one outside of what `setup` returned. */
export interface Spun {
  readonly buffer: number
  readonly copy: number
  readonly offset: number
}

type Method = (...args: unknown[]) => unknown

const MOST = 8

export class Spins {
  noting = false
  readonly #numbers: BufferNumbers
  readonly #seen = new Map<string, Spun>()

  constructor(numbers: BufferNumbers) {
    this.#numbers = numbers
    Object.defineProperty(globalThis, Symbol.for('torture.spins'), { value: () => this.#told() })
  }

  note(array: unknown, index: unknown): void {
    if (this.#seen.size >= MOST || !ArrayBuffer.isView(array)) return
    const { buffer, byteOffset, BYTES_PER_ELEMENT } = array as Int32Array
    const { buffer: number = -1, copy = 0 } = this.#numbers.get(buffer) ?? {}
    const spun = { buffer: number, copy, offset: byteOffset + Number(index) * BYTES_PER_ELEMENT }
    this.#seen.set(Object.values(spun).join(), spun)
  }

  /** Begins to note the first time, tells what it noted from then on. */
  #told(): string {
    if (!this.noting) this.#begin()
    return JSON.stringify([...this.#seen.values()])
  }

  #begin(): void {
    this.noting = true
    const realm = Atomics as unknown as Record<string, unknown>
    for (const name of Object.getOwnPropertyNames(Atomics)) {
      const before = realm[name]
      if (typeof before !== 'function' || name === 'notify') continue
      realm[name] = (...args: unknown[]) => {
        this.note(args[0], args[1])
        return (before as Method)(...args)
      }
    }
  }
}

/** What the debugger evaluates in the thread: nothing in a worker that is none of the guest's. */
export const TELL_SPINS = "globalThis[Symbol.for('torture.spins')]?.() ?? '[]'"
