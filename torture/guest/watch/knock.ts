/**
 * Whether a thread that gets nowhere is kept from its event loop, or has gone back to it: a body that awaits a promise
 * has, one that spins or sleeps in `Atomics.wait` has not. Asked only when there is a hang, so that no round pays for it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { MessagePort } from 'node:worker_threads'
import { type Control, MINE, threadBase } from '../control.ts'
import type { KnockMessage } from '../messages.ts'

/** An idle event loop answers in well under a millisecond, on a crowded machine in some tens. */
const PATIENCE_MS = 200
const POLL_MS = 5

/** Knocks at every thread. Returns when all of `awaited` have answered, or when those that have not will not. */
export async function knock(
  ports: readonly MessagePort[],
  control: Control,
  awaited: readonly number[],
): Promise<(thread: number) => boolean> {
  const answered = (thread: number) => Atomics.load(control.words, threadBase(thread) + MINE.answered) === 1
  for (const port of ports) port.postMessage({ type: 'knock' } satisfies KnockMessage)
  const until = performance.now() + PATIENCE_MS
  while (performance.now() < until && !awaited.every(answered)) await sleep(POLL_MS)
  return answered
}
