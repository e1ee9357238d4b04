/**
 * What the classics have in common. Each is a file with the algorithm as a function of the one step that can be wrong,
 * called there with the right step; its twin in `bad/` calls it with the wrong one.
 */
import type { ParamSpecs, Scenario } from '../../torture/scenario.ts'

/** A scenario but for what tells the twins apart. */
export type Classic<S, P extends ParamSpecs = ParamSpecs> = Omit<Scenario<S, P>, 'name' | 'summary' | 'tags'>

/** So many cells of 32 bits, all 0. */
export const cells = (count = 1): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count))

/** What a lock protects: it notices company. The body goes on, so that it gives the lock back. */
export function criticalSection(inside: Int32Array, fail: (message: string) => void): void {
  if (Atomics.add(inside, 0, 1) !== 0) fail('two threads are in the critical section')
  Atomics.sub(inside, 0, 1)
}
