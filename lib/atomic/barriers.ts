/**
 * Memory barriers. In JavaScript every operation of `Atomics` is one; in the store buffers of `torture explore
 * --memory-model` an operation without an ordering mark is, so that is what these do: a load of the first word of the
 * memory that the barrier is about, whatever it holds.
 */

/** Everything before it is done and seen before anything after it. */
export function smpMb(w: Int32Array): void {
  Atomics.load(w, 0)
}

/** Before a relaxed read-modify-write: together they are a full barrier. */
export function smpMbBeforeAtomic(w: Int32Array): void {
  smpMb(w)
}

/** After a relaxed read-modify-write. */
export function smpMbAfterAtomic(w: Int32Array): void {
  smpMb(w)
}
