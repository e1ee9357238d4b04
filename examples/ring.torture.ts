/**
 * A ring buffer for one producer and one consumer, and two ways to get it wrong. Its bodies ask `more()`: they go on
 * until the round ends, and the producer tells the consumer by the ring itself.
 *
 *     torture run ./ring.torture.ts
 *     torture run ./ring.torture.ts --param wrong=publishes-early
 *     torture run ./ring.torture.ts --param wrong=notifies-early
 */
import assert from 'node:assert/strict'
import { defineScenario } from 'torture'

type Wrong = 'nothing' | 'publishes-early' | 'notifies-early'

const HEAD = 0
const TAIL = 1
const SLOTS = 2
const END = -1

class Ring {
  readonly #cells: Int32Array
  readonly #size: number
  readonly #wrong: Wrong

  constructor(cells: Int32Array, wrong: Wrong) {
    this.#cells = cells
    this.#size = cells.length - SLOTS
    this.#wrong = wrong
  }

  put(value: number): void {
    const cells = this.#cells
    const tail = Atomics.load(cells, TAIL)
    for (let head = Atomics.load(cells, HEAD); tail - head === this.#size; head = Atomics.load(cells, HEAD))
      Atomics.wait(cells, HEAD, head)
    // The value first: who sees the tail reads it.
    if (this.#wrong === 'publishes-early') Atomics.store(cells, TAIL, tail + 1)
    Atomics.store(cells, SLOTS + (tail % this.#size), value)
    if (this.#wrong === 'notifies-early') Atomics.notify(cells, TAIL)
    Atomics.store(cells, TAIL, tail + 1)
    if (this.#wrong !== 'notifies-early') Atomics.notify(cells, TAIL)
  }

  take(): number {
    const cells = this.#cells
    const head = Atomics.load(cells, HEAD)
    while (Atomics.load(cells, TAIL) === head) Atomics.wait(cells, TAIL, head)
    const value = Atomics.load(cells, SLOTS + (head % this.#size))
    Atomics.store(cells, HEAD, head + 1)
    Atomics.notify(cells, HEAD)
    return value
  }
}

export default defineScenario({
  name: 'ring',
  summary: 'a ring buffer: everything arrives once, in its order',
  params: {
    wrong: {
      default: 'nothing',
      describe: 'what is wrong with it',
      choices: ['nothing', 'publishes-early', 'notifies-early'],
    },
    slots: { default: 4, min: 1, max: 1024, describe: 'items that the ring holds' },
  },
  roundMs: 100,
  setup: ({ params }) => ({ ring: new Int32Array(new SharedArrayBuffer(4 * (SLOTS + params.slots))) }),
  threads: {
    producer: {
      open: ({ shared, params }) => new Ring(shared.ring, params.wrong as Wrong),
      run: ({ local: ring, more, count }) => {
        let sent = 0
        while (more()) ring.put(sent++)
        ring.put(END)
        count('items', sent)
        return sent
      },
    },
    consumer: {
      open: ({ shared, params }) => new Ring(shared.ring, params.wrong as Wrong),
      run: ({ local: ring, more, fail }) => {
        for (let taken = 0; ; taken++) {
          more()
          const value = ring.take()
          if (value === END) return taken
          if (value !== taken) fail('an item is not the one that was sent', { sent: taken, received: value })
        }
      },
    },
  },
  check: ({ threads: { producer = [], consumer = [] } }) => {
    assert.equal(consumer[0], producer[0], 'all that was sent was received')
  },
})
