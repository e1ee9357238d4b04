/**
 * Messages of a port, one at a time. Listening starts at once, so that none is lost between two questions. A knock is not
 * delivered but answered, whatever else the thread is doing: who answers has an event loop that turns.
 */
import type { MessagePort } from 'node:worker_threads'
import { type Control, MINE, threadBase } from './control.ts'
import type { KnockMessage } from './messages.ts'

// Captured before a scenario is imported: it may arrive in the middle of a body that is under control.
const { store } = Atomics

export class Mail<T extends { readonly type: string }> {
  readonly #waiting: T[] = []
  #wanted: ((message: T) => void) | undefined

  constructor(port: MessagePort, { words }: Control, thread: number) {
    port.on('message', (message: T | KnockMessage) => {
      if (isKnock(message)) store(words, threadBase(thread) + MINE.answered, 1)
      else this.#deliver(message)
    })
  }

  next(): Promise<T> {
    const message = this.#waiting.shift()
    if (message !== undefined) return Promise.resolve(message)
    return new Promise(resolve => {
      this.#wanted = resolve
    })
  }

  #deliver(message: T): void {
    const wanted = this.#wanted
    this.#wanted = undefined
    if (wanted) wanted(message)
    else this.#waiting.push(message)
  }
}

const isKnock = (message: { readonly type: string }): message is KnockMessage => message.type === 'knock'
