/**
 * One of two worker threads that do nothing but answer each other: what it takes at least to know that the other one has
 * come as far.
 */
import { parentPort, workerData } from 'node:worker_threads'

export interface Player {
  /** The number of the last move. */
  readonly words: Int32Array
  /** 0 moves first, 1 answers. */
  readonly me: 0 | 1
  readonly ms: number
}

const { words, me, ms } = workerData as Player
const STOP = 32

const until = performance.now() + ms
let move = me
while (Atomics.load(words, STOP) === 0) {
  if (Atomics.load(words, 0) !== move) continue
  Atomics.store(words, 0, move + 1)
  move += 2
  if ((move & 1023) === 0 && performance.now() > until) Atomics.store(words, STOP, 1)
}
parentPort?.postMessage(move >> 1)
