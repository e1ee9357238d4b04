/** The histories of a scenario, in one thread: what records its calls, and what judges those of all threads. */
import { check } from '../../lib/check/linearizability/check.ts'
import { explain } from '../../lib/check/linearizability/explain.ts'
import { type History, type Interval, type Operation, precedence } from '../../lib/check/linearizability/history.ts'
import { EXHIBIT } from '../../results/format.ts'
import type { PlannedInstance } from '../../results/schema.ts'
import { checkModel } from '../model.ts'
import type { HistorySpec, Model, Returned, Scenario } from '../scenario.ts'
import { COUNTED } from './history-counts.ts'
import { CALL, HistoryMemory, type HistoryShape, KIND, ROW } from './history-memory.ts'
import { seatsOf } from './load.ts'
import { countedMarks, type Marks, makeRecorder, observedMarks, type Recorder } from './recorder.ts'

export const DEFAULT_CALLS = 12
const BUDGET = 100_000
/** Of the message that shows a violation. */
const MOST_BRIEF = 1200

export interface HistoryFault {
  readonly oracle: 'LIN'
  readonly message: string
  readonly details: unknown
}

/** When the calls of an execution were made, where the scheduler knows: by thread. */
export type Placement = (begunEnded: readonly (readonly (readonly [number, number])[])[]) => Interval[][]

export interface Histories {
  /** Of this thread's body. */
  readonly recorder: Recorder
  /** Of `check`, whichever thread runs it. */
  readonly checkRecorder: Recorder
  /** Whether a round of long-running bodies is to end. */
  readonly isFull: () => boolean
  /** Forgets what was recorded on a copy. */
  readonly clear: (copy: number) => void
  /** Judges what was recorded on a copy, and forgets it. All threads have met. */
  readonly judge: (copy: number) => HistoryFault | undefined
}

/** How the threads of an instance tell what came before what; left out: as the scenario says. */
export interface Stepped {
  readonly marks: (memory: HistoryMemory, row: number) => Marks
  readonly placement: Placement
}

/** @throws TypeError where the scenario's function does not make a model */
export function makeHistories(options: {
  readonly scenario: Scenario
  readonly instance: PlannedInstance
  readonly shape: HistoryShape
  readonly buffer: SharedArrayBuffer
  readonly thread: number
  readonly count: (name: string, n?: number) => void
  readonly stepped?: Stepped
}): Histories {
  const { scenario, instance, shape, buffer, thread, stepped } = options
  const memory = new HistoryMemory(shape, buffer)
  const spec = scenario.history!
  const model = modelOf(spec, instance)
  const { rows } = shape
  const counted = spec.order === 'counted'
  const marksOf = stepped?.marks ?? (counted ? countedMarks : observedMarks)
  const recorder = makeRecorder(memory, thread, model.operations, marksOf(memory, thread))
  const checkRecorder = makeRecorder(memory, rows - 1, model.operations, noMarks)
  const most = spec.calls ?? DEFAULT_CALLS
  const placement = stepped?.placement ?? (counted ? asCounted : undefined)
  const reader = new Reader(memory, model.operations, placement)
  const names = seatsOf(instance.threads).map(({ label }) => label)
  const judge = new Judge({ reader, model, names, budget: spec.budget ?? BUDGET, count: options.count })
  return {
    recorder,
    checkRecorder,
    isFull: () => recorder.calls() >= most,
    clear: copy => memory.clear(copy),
    judge: copy => {
      const fault = judge.judge(copy)
      memory.clear(copy)
      return fault
    },
  }
}

export function modelOf(
  spec: HistorySpec<any>,
  { params, threads }: Pick<PlannedInstance, 'params' | 'threads'>,
): Model {
  const counts = Object.fromEntries(threads.map(({ name, count }) => [name, count]))
  const model = typeof spec.model === 'function' ? spec.model({ params, threads: counts }) : spec.model
  const problem = checkModel(model)
  if (problem !== undefined) throw new TypeError(problem)
  return spec.partition === undefined ? model : { ...model, partition: spec.partition }
}

/** `check` comes after everything, so its moments need no marks. */
const noMarks: Marks = { begin: () => {}, called: () => {}, returned: () => {} }

/** What the counter gave is a clock. */
const asCounted: Placement = moments =>
  moments.map(calls => calls.map(([begun, ended]) => ({ start: begun, end: ended })))

/** From shared memory to a history. */
class Reader {
  readonly #memory: HistoryMemory
  readonly #operations: readonly string[]
  /** Undefined: the marks of a call are the counts that its thread saw. */
  readonly #placement: Placement | undefined

  constructor(memory: HistoryMemory, operations: readonly string[], placement: Placement | undefined) {
    this.#memory = memory
    this.#operations = operations
    this.#placement = placement
  }

  /** Undefined: a thread called more than there was room for. */
  read(copy: number): History | undefined {
    const { words, shape } = this.#memory
    const last = shape.rows - 1
    const begun = Array.from({ length: shape.rows }, (_, row) => words[this.#memory.head(copy, row) + ROW.begun])
    for (let row = 0; row <= last; row++) if (words[this.#memory.head(copy, row) + ROW.dropped] > 0) return undefined
    const after = this.#placement === undefined ? this.#observed(copy, begun) : this.#placed(copy, begun)
    const ended = after.map((_, row) => this.#endedOf(copy, row, begun[row]))
    return begun.map((count, row) =>
      Array.from({ length: count }, (_, n) =>
        this.#operation(copy, row, n, row === last ? [...ended, n] : after[row][n]),
      ),
    )
  }

  #operation(copy: number, row: number, n: number, after: readonly number[]): Operation {
    const { doubles } = this.#memory
    const at = this.#memory.call(copy, row, n)
    const args = Array.from(doubles.subarray(at + CALL.arg, at + CALL.arg + doubles[at + CALL.args]))
    const kind = doubles[at + CALL.kind]
    return {
      operation: this.#operations[doubles[at + CALL.operation]],
      args,
      thread: row,
      returned: this.#returned(at, kind),
      pending: kind === KIND.pending,
      after,
    }
  }

  #returned(at: number, kind: number): Returned {
    const { doubles } = this.#memory
    if (kind === KIND.number) return doubles[at + CALL.values]
    if (kind < KIND.list) return undefined
    return Array.from(doubles.subarray(at + CALL.values, at + CALL.values + kind - KIND.list))
  }

  #endedOf(copy: number, row: number, begun: number): number {
    if (begun === 0) return 0
    const last = this.#memory.doubles[this.#memory.call(copy, row, begun - 1) + CALL.kind]
    return last === KIND.pending ? begun - 1 : begun
  }

  #observed(copy: number, begun: readonly number[]): number[][][] {
    const { words, shape } = this.#memory
    const threads = shape.rows - 1
    return Array.from({ length: threads }, (_, row) =>
      Array.from({ length: begun[row] }, (_, n) => {
        const at = this.#memory.marks(copy, row, n)
        const seen = Array.from(words.subarray(at, at + threads))
        seen[row] = n
        return [...seen, 0]
      }),
    )
  }

  #placed(copy: number, begun: readonly number[]): number[][][] {
    const { words, shape } = this.#memory
    const moments = Array.from({ length: shape.rows - 1 }, (_, row) =>
      Array.from({ length: begun[row] }, (_, n): [number, number] => {
        const at = this.#memory.marks(copy, row, n)
        const pending = n >= this.#endedOf(copy, row, begun[row])
        return [words[at], pending ? Number.POSITIVE_INFINITY : words[at + 1]]
      }),
    )
    return precedence(this.#placement!(moments)).map(calls => calls.map(after => [...after, 0]))
  }
}

class Judge {
  readonly #reader: Reader
  readonly #model: Model
  readonly #budget: number
  readonly #names: readonly string[]
  readonly #count: (name: string, n?: number) => void

  constructor(options: {
    readonly reader: Reader
    readonly model: Model
    readonly budget: number
    readonly names: readonly string[]
    readonly count: (name: string, n?: number) => void
  }) {
    this.#reader = options.reader
    this.#model = options.model
    this.#budget = options.budget
    this.#names = [...options.names, 'check']
    this.#count = options.count
  }

  judge(copy: number): HistoryFault | undefined {
    const history = this.#reader.read(copy)
    if (history === undefined) {
      this.#count(COUNTED.histories)
      this.#count(COUNTED.tooLong)
      return undefined
    }
    const calls = history.reduce((n, operations) => n + operations.length, 0)
    if (calls === 0) return undefined
    this.#count(COUNTED.histories)
    this.#count(COUNTED.calls, calls)
    const verdict = check(history, this.#model, { budget: this.#budget })
    if (isConcurrent(history)) this.#count(COUNTED.concurrent)
    if (verdict.verdict === 'unknown') this.#count(COUNTED.unknown)
    if (verdict.verdict !== 'violation') return undefined
    const { summary, brief, drawing, order, stuck, left } = explain(this.#model, verdict, this.#names, this.#budget)
    const shown = cut(brief.join(EXHIBIT), MOST_BRIEF)
    return {
      oracle: 'LIN',
      message: `${summary}${EXHIBIT}${shown}`,
      details: { model: this.#model.name, calls, left, history: drawing, order, stuck },
    }
  }
}

/** Whether any two calls may have overlapped. */
function isConcurrent(history: History): boolean {
  const counts = history.map(operations => operations.length)
  return history.some((operations, thread) =>
    operations.some((operation, n) =>
      counts.some((count, other) => {
        if (other === thread || count === 0) return false
        // What of the other thread had not ended when this began, and did not begin after this had ended.
        const next = history[other][operation.after[other]]
        return next !== undefined && next.after[thread] <= n
      }),
    ),
  )
}

const cut = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, most)}…`)
