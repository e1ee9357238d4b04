/**
 * A reader-writer lock whose readers may become writers without letting another writer in between, as long as they are
 * alone. Who is not must give its read lock up, and look again at what it read.
 *
 * P. J. Courtois, F. Heymans and D. L. Parnas, "Concurrent control with readers and writers", CACM 14(10), 1971.
 */
import assert from 'node:assert/strict'
import { defineScenario } from '../../torture/scenario.ts'
import { type Classic, cells } from './_classic.ts'

export const FREE = 0
/** One reader. */
export const ALONE = 1
/** Above any number of readers. */
export const WRITER = 1 << 16

export interface RwLock {
  /** The number of readers, or WRITER. */
  readonly lock: Int32Array
  /** What it protects. */
  readonly value: Int32Array
}

/** Sleeps until the lock is in state `from`, and makes a writer of it. */
export function lockWrite(lock: Int32Array, from: number): void {
  for (;;) {
    const found = Atomics.compareExchange(lock, 0, from, WRITER)
    if (found === from) return
    Atomics.wait(lock, 0, found)
  }
}

export function unlock(lock: Int32Array, part: number): void {
  Atomics.sub(lock, 0, part)
  Atomics.notify(lock, 0)
}

function lockRead(lock: Int32Array): void {
  for (;;) {
    const found = Atomics.load(lock, 0)
    if (found >= WRITER) Atomics.wait(lock, 0, found)
    else if (Atomics.compareExchange(lock, 0, found, found + 1) === found) return
  }
}

/** @param upgrade makes a writer of a reader; returns whether nobody has written in between */
export const rwLock = (upgrade: (lock: Int32Array) => boolean): Classic<RwLock> => ({
  setup: () => ({ lock: cells(), value: cells() }),
  threads: {
    adder: {
      count: 2,
      run: ({ shared: { lock, value } }) => {
        lockRead(lock)
        const read = Atomics.load(value, 0)
        const present = upgrade(lock) ? read : Atomics.load(value, 0)
        Atomics.store(value, 0, present + 1)
        unlock(lock, WRITER)
      },
    },
  },
  check: ({ shared: { value }, threads }) =>
    assert.equal(Atomics.load(value, 0), threads.adder.length, 'no update is lost'),
})

export default defineScenario({
  name: 'rwlock-upgrade',
  summary: 'a reader-writer lock: a reader that is not alone gives its lock up before it becomes a writer',
  tags: ['classic'],
  ...rwLock(lock => {
    if (Atomics.compareExchange(lock, 0, ALONE, WRITER) === ALONE) return true
    unlock(lock, ALONE)
    lockWrite(lock, FREE)
    return false
  }),
})
