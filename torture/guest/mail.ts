/** Messages of a port, one at a time. Listening starts at once, so that none is lost between two questions. */
import type { MessagePort } from 'node:worker_threads'

export class Mail<T> {
  readonly #waiting: T[] = []
  #wanted: ((message: T) => void) | undefined

  constructor(port: MessagePort) {
    port.on('message', (message: T) => {
      const wanted = this.#wanted
      this.#wanted = undefined
      if (wanted) wanted(message)
      else this.#waiting.push(message)
    })
  }

  next(): Promise<T> {
    const message = this.#waiting.shift()
    if (message !== undefined) return Promise.resolve(message)
    return new Promise(resolve => {
      this.#wanted = resolve
    })
  }
}
