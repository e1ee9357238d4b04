/**
 * A mutex that sleeps, in three states, and two ways to get it wrong.
 *
 *     torture run ./mutex.torture.ts
 *     torture run ./mutex.torture.ts --param wrong=look-first
 *     torture run ./mutex.torture.ts --param wrong=forgets-others --threads adder=3
 */
import assert from 'node:assert/strict'
import { defineScenario } from 'torture'

type Wrong = 'nothing' | 'look-first' | 'forgets-others'

const FREE = 0
const HELD = 1
/** Held, and somebody may be asleep. */
const CONTENDED = 2

class Mutex {
  readonly #cells: Int32Array
  readonly #wrong: Wrong

  constructor(cells: Int32Array, wrong: Wrong) {
    this.#cells = cells
    this.#wrong = wrong
  }

  lock(): void {
    const cells = this.#cells
    if (Atomics.compareExchange(cells, 0, FREE, HELD) === FREE) return
    // Who has slept does not know who else sleeps: it must take the lock as contended.
    const taken = this.#wrong === 'forgets-others' ? HELD : CONTENDED
    do {
      if (Atomics.load(cells, 0) === CONTENDED || Atomics.compareExchange(cells, 0, HELD, CONTENDED) !== FREE)
        Atomics.wait(cells, 0, CONTENDED)
    } while (Atomics.compareExchange(cells, 0, FREE, taken) !== FREE)
  }

  unlock(): void {
    const cells = this.#cells
    if (this.#wrong === 'look-first') {
      const contended = Atomics.load(cells, 0) === CONTENDED
      Atomics.store(cells, 0, FREE)
      if (contended) Atomics.notify(cells, 0, 1)
    } else if (Atomics.exchange(cells, 0, FREE) === CONTENDED) Atomics.notify(cells, 0, 1)
  }
}

export default defineScenario({
  name: 'mutex',
  summary: 'a mutex that sleeps: no addition is lost, and nobody sleeps for ever',
  params: {
    wrong: {
      default: 'nothing',
      describe: 'what is wrong with it',
      choices: ['nothing', 'look-first', 'forgets-others'],
    },
    adds: { default: 3, min: 1, max: 1000, describe: 'additions a thread makes' },
  },
  setup: () => ({ lock: new Int32Array(new SharedArrayBuffer(4)), sum: new Int32Array(new SharedArrayBuffer(4)) }),
  threads: {
    adder: {
      count: 2,
      open: ({ shared, params }) => new Mutex(shared.lock, params.wrong as Wrong),
      run: ({ shared: { sum }, local: mutex, params }) => {
        for (let n = 0; n < params.adds; n++) {
          mutex.lock()
          Atomics.store(sum, 0, Atomics.load(sum, 0) + 1)
          mutex.unlock()
        }
      },
    },
  },
  check: ({ shared, params, threads: { adder = [] } }) => {
    assert.equal(Atomics.load(shared.sum, 0), params.adds * adder.length, 'no addition is lost')
    assert.equal(Atomics.load(shared.lock, 0), FREE, 'the lock is free in the end')
  },
})
