/**
 * Sequence counter: odd while a writer is at work. Writers are serialised by something else; a reader may use nothing
 * of what it read until `readSeqcountRetry` said that no writer came in between.
 */
import { violated } from '../check/oracle.ts'
import type { Cpu } from '../shm/cpu.ts'

/** A writer begins: full order, so that its writes are not seen before it. A second one violates CNT. */
export function writeSeqcountBegin(w: Int32Array, at: number): void {
  // An addition although writers are serialised: that it finds an even count is the proof that they are.
  const seq = Atomics.add(w, at, 1)
  if (seq & 1) violated('CNT', `seqcount ${at}: a second writer begins at ${seq}`)
}

/** It ends: release, its writes are seen before that. Without a beginning it violates CNT. */
export function writeSeqcountEnd(w: Int32Array, at: number): void {
  const seq = Atomics.add(w, at, 1, 'release')
  if (!(seq & 1)) violated('CNT', `seqcount ${at}: no writer to end at ${seq}`)
}

/** The count; odd when a writer is at work, and then what follows cannot succeed. */
export function readSeqcountBegin(w: Int32Array, at: number): number {
  return Atomics.load(w, at, 'acquire')
}

/** As `readSeqcountBegin`, but waits for the writer: never odd. */
export function readSeqcountSpin(cpu: Cpu, at: number): number {
  for (let n = 0; ; n++) {
    const seq = Atomics.load(cpu.w, at, 'acquire')
    if (!(seq & 1)) return seq
    cpu.relax(n)
  }
}

/** Whether what was read since `seq` is void: a writer was at work, or has been. */
export function readSeqcountRetry(w: Int32Array, at: number, seq: number): boolean {
  // Full order: the reads before it may not sink below this load.
  return (seq & 1) !== 0 || Atomics.load(w, at) !== seq
}
