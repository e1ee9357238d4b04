/** A few at a time: who comes when all slots are taken waits in turn. */
export class Slots {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  async use<T>(action: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    // Whoever leaves hands its slot over.
    else await new Promise<void>(resolve => this.#waiting.push(resolve))
    try {
      return await action()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}

/** Hosts that are logged in to at once: a handshake costs this machine some milliseconds of its CPUs. */
export const HANDSHAKES = 32
