/**
 * What the bodies return, on its way to `check`: numbers and short arrays of numbers through shared doubles, anything
 * else cloned through a message port to thread 0.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'

const MAX_NUMBERS = 8
const STRIDE = MAX_NUMBERS + 1
/** Of numbers that are too many or too large to be one. */
export const NO_CODE = -1
const TAG = { nothing: -1, number: -2, cloned: -3, threw: -4 } as const

/** The numbers of an outcome in one: most that it may be before another digit, and what a digit may be. */
const CODE_MOST = 2 ** 48
const CODE_BASE = 8

export const valueBytes = (copies: number, threads: number): number => 8 * STRIDE * copies * threads

export class Values {
  readonly #numbers: Float64Array
  /** Slots of a thread: what it writes lies together, so that threads do not write to the same cache lines. */
  readonly #copies: number
  readonly #threads: number
  readonly #thread: number
  /** To thread 0; on thread 0, from every thread. */
  readonly #port: MessagePort | undefined
  readonly #inbox: readonly (MessagePort | undefined)[]
  readonly #clones = new Map<number, unknown>()

  constructor(
    buffer: SharedArrayBuffer,
    threads: number,
    thread: number,
    port: MessagePort | undefined,
    inbox: readonly (MessagePort | undefined)[],
  ) {
    this.#numbers = new Float64Array(buffer)
    this.#copies = this.#numbers.length / (STRIDE * threads)
    this.#threads = threads
    this.#thread = thread
    this.#port = port
    this.#inbox = inbox
  }

  /** Stores what this thread's body returned in a copy's round. True if it had to be cloned. Throws DataCloneError. */
  put(copy: number, value: unknown): boolean {
    const slot = this.#thread * this.#copies + copy
    const at = STRIDE * slot
    const numbers = this.#numbers
    if (value === undefined) numbers[at] = TAG.nothing
    else if (typeof value === 'number') {
      numbers[at] = TAG.number
      numbers[at + 1] = value
    } else if (isShortNumbers(value)) {
      numbers[at] = value.length
      for (let i = 0; i < value.length; i++) numbers[at + 1 + i] = value[i]
    } else {
      if (this.#port) this.#port.postMessage({ slot, value })
      else this.#clones.set(slot, structuredClone(value))
      numbers[at] = TAG.cloned
      return true
    }
    return false
  }

  /** Notes that the body threw: there is nothing to check in this round. */
  putThrown(copy: number): void {
    this.#numbers[STRIDE * (this.#thread * this.#copies + copy)] = TAG.threw
  }

  /**
   * Thread 0, after all have returned: takes in what was cloned.
   * @param other is handed what else came on the same ports
   */
  collect(other?: (message: unknown) => void): void {
    this.#clones.forEach((_, slot) => {
      if (Math.floor(slot / this.#copies) !== this.#thread) this.#clones.delete(slot)
    })
    for (const port of this.#inbox) {
      if (!port) continue
      for (let entry = receiveMessageOnPort(port); entry; entry = receiveMessageOnPort(port)) {
        const { slot, value } = entry.message as { slot?: number; value: unknown }
        if (slot === undefined) other?.(entry.message)
        else this.#clones.set(slot, value)
      }
    }
  }

  threw(copy: number): boolean {
    for (let t = 0; t < this.#threads; t++)
      if (this.#numbers[STRIDE * (t * this.#copies + copy)] === TAG.threw) return true
    return false
  }

  get(copy: number, thread: number): unknown {
    const slot = thread * this.#copies + copy
    const at = STRIDE * slot
    const tag = this.#numbers[at]
    if (tag === TAG.number) return this.#numbers[at + 1]
    if (tag >= 0) return Array.from(this.#numbers.subarray(at + 1, at + 1 + tag))
    return tag === TAG.cloned ? this.#clones.get(slot) : undefined
  }

  /**
   * All numbers that the bodies returned in a copy's round as one, different for different ones, or `NO_CODE`. It costs
   * next to nothing: a litmus test asks a million times a second.
   */
  code(copy: number): number {
    const numbers = this.#numbers
    let code = 1
    for (let t = 0; t < this.#threads; t++) {
      const at = STRIDE * (t * this.#copies + copy)
      const tag = numbers[at]
      if (tag === TAG.nothing) continue
      if (tag === TAG.cloned) return NO_CODE
      const count = tag === TAG.number ? 1 : tag
      for (let i = 1; i <= count; i++) code = appended(code, numbers[at + i])
    }
    return code
  }
}

/** A code with one more number; there is none where that is too much. */
export function appended(code: number, value: number): number {
  const fits = value >= 0 && value < CODE_BASE && value === Math.floor(value) && code < CODE_MOST
  return fits && code !== NO_CODE ? code * CODE_BASE + value : NO_CODE
}

function isShortNumbers(value: unknown): value is number[] {
  if (!Array.isArray(value) || value.length > MAX_NUMBERS) return false
  for (const entry of value) if (typeof entry !== 'number') return false
  return true
}
