/** From what was recorded in shared memory to a history, and to a print of it that is quick to compare. */
import { type History, type Interval, type Operation, precedence } from '../../../lib/check/linearizability/history.ts'
import type { Returned } from '../../scenario.ts'
import { CALL, CALL_DOUBLES, type HistoryMemory, KIND, ROW } from './history-memory.ts'

/** When the calls of a copy were made: what was marked at their beginnings and ends, by thread, as moments of one clock. */
export type Placement = (marks: readonly (readonly (readonly [number, number])[])[]) => readonly (readonly Interval[])[]

/** What a shared counter gave is a clock. */
export const asCounted: Placement = marks => marks.map(calls => calls.map(([start, end]) => ({ start, end })))

export class HistoryReader {
  readonly #memory: HistoryMemory
  readonly #operations: readonly string[]
  readonly #placement: Placement | undefined
  /** By row: calls, and those of them that returned. */
  readonly #begun: Int32Array
  readonly #ended: Int32Array
  /** By row, call and row: calls of that row that had ended before. */
  readonly #after: Int32Array
  readonly #print: Float64Array
  #copy = 0
  calls = 0

  /** @param placement undefined: the marks of a call are the counts that its thread saw */
  constructor(memory: HistoryMemory, operations: readonly string[], placement: Placement | undefined) {
    const { rows, capacity } = memory.shape
    this.#memory = memory
    this.#operations = operations
    this.#placement = placement
    this.#begun = new Int32Array(rows)
    this.#ended = new Int32Array(rows)
    this.#after = new Int32Array(rows * rows * capacity)
    this.#print = new Float64Array(rows * (1 + capacity * (CALL_DOUBLES + rows)))
  }

  /** False: a thread called more than there was room for. All threads have met. */
  read(copy: number): boolean {
    const { words, shape } = this.#memory
    this.#copy = copy
    this.calls = 0
    for (let row = 0; row < shape.rows; row++) {
      const head = this.#memory.head(copy, row)
      if (words[head + ROW.dropped] > 0) return false
      this.#begun[row] = words[head + ROW.begun]
      this.calls += this.#begun[row]
      this.#ended[row] = this.#endedOf(row)
    }
    if (this.#placement === undefined) this.#takeSeen()
    else this.#takePlaced(this.#placement)
    this.#placeCheck()
    return true
  }

  /** Whether any two calls may have overlapped. */
  get isConcurrent(): boolean {
    const { rows } = this.#memory.shape
    for (let row = 0; row < rows - 1; row++)
      for (let n = 0; n < this.#begun[row]; n++)
        for (let other = 0; other < rows - 1; other++) if (other !== row && this.#overlaps(row, n, other)) return true
    return false
  }

  /** The first call of another row that had not ended when this one began: did it begin before this one ended? */
  #overlaps(row: number, n: number, other: number): boolean {
    const next = this.#after[this.#at(row, n) + other]
    return next < this.#begun[other] && this.#after[this.#at(other, next) + row] <= n
  }

  /** Numbers that stand for this history only; they are overwritten by the next one. */
  print(): Float64Array {
    const { doubles, shape } = this.#memory
    const print = this.#print
    let length = 0
    for (let row = 0; row < shape.rows; row++) {
      print[length++] = this.#begun[row]
      for (let n = 0; n < this.#begun[row]; n++) {
        const call = this.#memory.call(this.#copy, row, n)
        const kind = doubles[call + CALL.kind]
        const values = kind < KIND.list ? kind - KIND.nothing : kind - KIND.list
        print[length++] = doubles[call + CALL.operation]
        print[length++] = doubles[call + CALL.args]
        print[length++] = kind
        for (let i = 0; i < doubles[call + CALL.args]; i++) print[length++] = doubles[call + CALL.arg + i]
        for (let i = 0; i < values; i++) print[length++] = doubles[call + CALL.values + i]
        const after = this.#at(row, n)
        for (let other = 0; other < shape.rows; other++) print[length++] = this.#after[after + other]
      }
    }
    return print.subarray(0, length)
  }

  history(): History {
    return Array.from(this.#begun, (begun, row) => Array.from({ length: begun }, (_, n) => this.#operation(row, n)))
  }

  #operation(row: number, n: number): Operation {
    const { doubles, shape } = this.#memory
    const call = this.#memory.call(this.#copy, row, n)
    const after = this.#at(row, n)
    return {
      operation: this.#operations[doubles[call + CALL.operation]],
      args: Array.from(doubles.subarray(call + CALL.arg, call + CALL.arg + doubles[call + CALL.args])),
      thread: row,
      returned: this.#returned(call),
      pending: n >= this.#ended[row],
      after: this.#after.slice(after, after + shape.rows),
    }
  }

  #returned(call: number): Returned {
    const { doubles } = this.#memory
    const kind = doubles[call + CALL.kind]
    if (kind === KIND.number) return doubles[call + CALL.values]
    if (kind < KIND.list) return undefined
    return Array.from(doubles.subarray(call + CALL.values, call + CALL.values + kind - KIND.list))
  }

  #endedOf(row: number): number {
    const begun = this.#begun[row]
    if (begun === 0) return 0
    const last = this.#memory.doubles[this.#memory.call(this.#copy, row, begun - 1) + CALL.kind]
    return last === KIND.pending ? begun - 1 : begun
  }

  /** Where it says what a call came after. */
  #at(row: number, n: number): number {
    const { rows, capacity } = this.#memory.shape
    return rows * (row * capacity + n)
  }

  /** Each thread noted what it saw. */
  #takeSeen(): void {
    const { words, shape } = this.#memory
    const threads = shape.rows - 1
    for (let row = 0; row < threads; row++) {
      for (let n = 0; n < this.#begun[row]; n++) {
        const marks = this.#memory.marks(this.#copy, row, n)
        const at = this.#at(row, n)
        for (let other = 0; other < threads; other++) this.#after[at + other] = words[marks + other]
        this.#after[at + row] = n
        this.#after[at + threads] = 0
      }
    }
  }

  #takePlaced(placement: Placement): void {
    const { words, shape } = this.#memory
    const intervals = placement(
      Array.from({ length: shape.rows - 1 }, (_, row) =>
        Array.from({ length: this.#begun[row] }, (_, n): [number, number] => {
          const at = this.#memory.marks(this.#copy, row, n)
          return [words[at], n < this.#ended[row] ? words[at + 1] : Number.POSITIVE_INFINITY]
        }),
      ),
    )
    for (const [row, calls] of precedence(intervals).entries())
      for (const [n, after] of calls.entries()) this.#after.set([...after, 0], this.#at(row, n))
  }

  /** `check` comes after all that ended. */
  #placeCheck(): void {
    const last = this.#memory.shape.rows - 1
    for (let n = 0; n < this.#begun[last]; n++) {
      const at = this.#at(last, n)
      this.#after.set(this.#ended, at)
      this.#after[at + last] = n
    }
  }
}
