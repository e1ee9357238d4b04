/** Callbacks that wait for a grace period, in the order of their cookies: parallel rings, private to one thread. */

const nothing = (): void => {}

export class CallbackQueue {
  #fns: Array<(arg: number) => void> = new Array(64).fill(nothing)
  #args = new Float64Array(64)
  #cookies = new Int32Array(64)
  /** Place of the first. */
  #head = 0
  #length = 0
  #running = false

  get length(): number {
    return this.#length
  }

  /** Whether a callback is being run. */
  get isRunning(): boolean {
    return this.#running
  }

  push(fn: (arg: number) => void, arg: number, cookie: number): void {
    if (this.#length === this.#fns.length) this.#grow()
    const at = (this.#head + this.#length) & (this.#fns.length - 1)
    this.#fns[at] = fn
    this.#args[at] = arg
    this.#cookies[at] = cookie
    this.#length++
  }

  /** Cookie of the first; there must be one. */
  firstCookie(): number {
    return this.#cookies[this.#head]
  }

  /** Runs, in order, those whose cookie the sequence number has reached. They may push others. */
  run(seq: number): void {
    this.#running = true
    try {
      while (this.#length > 0 && ((seq - this.#cookies[this.#head]) | 0) >= 0) {
        const fn = this.#fns[this.#head]
        const arg = this.#args[this.#head]
        this.#fns[this.#head] = nothing
        this.#head = (this.#head + 1) & (this.#fns.length - 1)
        this.#length--
        fn(arg)
      }
    } finally {
      this.#running = false
    }
  }

  #grow(): void {
    const { length } = this.#fns
    const fns = new Array<(arg: number) => void>(2 * length).fill(nothing)
    const args = new Float64Array(2 * length)
    const cookies = new Int32Array(2 * length)
    for (let n = 0; n < length; n++) {
      const at = (this.#head + n) & (length - 1)
      fns[n] = this.#fns[at]
      args[n] = this.#args[at]
      cookies[n] = this.#cookies[at]
    }
    this.#fns = fns
    this.#args = args
    this.#cookies = cookies
    this.#head = 0
  }
}
