/** What a weaker memory model changes: with the model `sc` there is none. */
import type { Known } from '../report/addresses.ts'

type Value = number | bigint

/** A read-modify-write that was done, as what a step does. */
export interface Modified {
  readonly did: number
  readonly before: Value
  readonly after: Value
}

export interface WeakMemory {
  /** Before an operation's turn, once the scheduler knows of it: it may have to wait for what the thread has delayed. */
  arrive(kind: number, order: string | undefined): void
  /** What the thread would have read, if the store was delayed; undefined: the cell is to be written now. */
  store(cells: Int32Array, index: number, value: Value, known: Known, order: string | undefined): Value | undefined
  /** The value that a load finds if it is not the cell's present one. */
  load(cells: Int32Array, index: number, known: Known, order: string | undefined): Value | undefined
  /**
   * What a read-modify-write has done, if what it writes was delayed; undefined: it is to be done now.
   * @param change changes an array's first element, which holds what the cell does; false if it lets it be
   */
  modify(
    cells: Int32Array,
    index: number,
    known: Known,
    order: string | undefined,
    change: (scratch: Known['scratch']) => boolean,
  ): Modified | undefined
  /** Forgets the execution before. */
  reset(): void
  /** Before an operation in full order: everything that this thread has delayed is carried out. */
  flush(): void
  /** Carries out a delayed store, as the step of an actor of its own. */
  drain(actor: number): void
}
