/** The first failure of an execution, in shared memory: whoever fails puts it in, thread 0 takes it out. */

export interface ExploredFault {
  readonly oracle: string
  readonly message: string
  /** `adder[1]`, `check`. */
  readonly thread: string
  readonly details?: unknown
  readonly stack?: string
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export class FaultBox {
  readonly #length: Int32Array
  readonly #text: Uint8Array

  constructor(memory: SharedArrayBuffer) {
    this.#length = new Int32Array(memory, 0, 1)
    this.#text = new Uint8Array(memory, 4)
  }

  get full(): boolean {
    return this.#length[0] !== 0
  }

  clear(): void {
    this.#length[0] = 0
  }

  /** What is too long is cut; details that do not survive JSON, or are too long, are left out. Either is said. */
  put(fault: ExploredFault): void {
    const bytes = encoder.encode(this.#print(fault))
    this.#text.set(bytes)
    this.#length[0] = bytes.length
  }

  take(): ExploredFault {
    const text = decoder.decode(this.#text.slice(0, this.#length[0]))
    this.clear()
    return JSON.parse(text) as ExploredFault
  }

  #print({ details, ...plain }: ExploredFault): string {
    const shortened = { ...plain, message: cut(plain.message, 4096), stack: plain.stack && cut(plain.stack, 16384) }
    try {
      const text = JSON.stringify({ ...shortened, details }, (_, v) => (typeof v === 'bigint' ? `${v}n` : v))
      // A letter has three bytes at most.
      if (3 * text.length <= this.#text.length) return text
    } catch {
      // Circular, or with a toJSON that throws: the failure counts without its details.
      return JSON.stringify({ ...shortened, details: 'left out: they cannot be written as JSON' })
    }
    return JSON.stringify({ ...shortened, details: 'left out: they are too long' })
  }
}

const cut = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, most)}…`)
