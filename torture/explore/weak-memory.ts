/** What a weaker memory model changes: with the model `sc` there is none. */
import type { Known } from './addresses.ts'

export interface WeakMemory {
  /** True if the store was delayed: the cell is not to be written now. */
  store(cells: Int32Array, index: number, value: number | bigint, known: Known, order: string | undefined): boolean
  /** The value that a load finds if it is not the cell's present one. */
  load(cells: Int32Array, index: number, known: Known, order: string | undefined): number | bigint | undefined
  /** Forgets the execution before. */
  reset(): void
  /** Before an operation in full order: everything that this thread has delayed is carried out. */
  flush(): void
  /** All threads have returned: what is still delayed reaches memory before anybody judges. */
  settle(): void
  /** Carries out a delayed store, as the step of an actor of its own. */
  drain(actor: number): void
}
