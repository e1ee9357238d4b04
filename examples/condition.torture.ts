/**
 * A condition variable over a mutex, and two ways to miss a signal. The consumer sleeps until there is something to
 * take, several producers bring one thing each.
 *
 *     torture run ./condition.torture.ts
 *     torture run ./condition.torture.ts --param wrong=looks-late
 *     torture run ./condition.torture.ts --param wrong=asks-once
 */
import assert from 'node:assert/strict'
import { defineScenario } from 'torture'

type Wrong = 'nothing' | 'looks-late' | 'asks-once'

const LOCK = 0
const SIGNALS = 1
const ITEMS = 2

function lock(cells: Int32Array): void {
  while (Atomics.exchange(cells, LOCK, 1) !== 0) Atomics.wait(cells, LOCK, 1)
}

function unlock(cells: Int32Array): void {
  Atomics.store(cells, LOCK, 0)
  Atomics.notify(cells, LOCK, 1)
}

/** Gives the lock up, sleeps until a signal that comes after that, and takes the lock again. */
function waitForSignal(cells: Int32Array, wrong: Wrong): void {
  // While the lock is held nobody signals: what is counted here is what must change.
  let signals = Atomics.load(cells, SIGNALS)
  unlock(cells)
  if (wrong === 'looks-late') signals = Atomics.load(cells, SIGNALS)
  Atomics.wait(cells, SIGNALS, signals)
  lock(cells)
}

function signal(cells: Int32Array): void {
  Atomics.add(cells, SIGNALS, 1)
  Atomics.notify(cells, SIGNALS)
}

export default defineScenario({
  name: 'condition',
  summary: 'a condition variable: who waits for an item gets it',
  params: {
    wrong: { default: 'nothing', describe: 'what is wrong with it', choices: ['nothing', 'looks-late', 'asks-once'] },
  },
  setup: () => ({ cells: new Int32Array(new SharedArrayBuffer(12)) }),
  threads: {
    consumer: {
      count: 2,
      run: ({ shared: { cells }, params }) => {
        lock(cells)
        if (params.wrong === 'asks-once') {
          // Both are woken, and one finds nothing.
          if (Atomics.load(cells, ITEMS) === 0) waitForSignal(cells, 'nothing')
        } else while (Atomics.load(cells, ITEMS) === 0) waitForSignal(cells, params.wrong as Wrong)
        const left = Atomics.load(cells, ITEMS) - 1
        Atomics.store(cells, ITEMS, left)
        unlock(cells)
        return left
      },
    },
    producer: {
      run: ({ shared: { cells } }) => {
        for (let n = 0; n < 2; n++) {
          lock(cells)
          Atomics.store(cells, ITEMS, Atomics.load(cells, ITEMS) + 1)
          signal(cells)
          unlock(cells)
        }
      },
    },
  },
  check: ({ shared, threads: { consumer = [] } }) => {
    for (const left of consumer) assert.ok(left >= 0, 'nobody takes what is not there')
    assert.equal(Atomics.load(shared.cells, ITEMS), 0, 'everything is taken')
  },
})
