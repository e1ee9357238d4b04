/** The histories of a scenario, in one thread: what records its calls, and what judges those of all threads. */
import { BUDGET, check, type Verdict } from '../../../lib/check/linearizability/check.ts'
import { explain, summaryOf } from '../../../lib/check/linearizability/explain.ts'
import { EXHIBIT } from '../../../results/format.ts'
import type { PlannedInstance } from '../../../results/schema.ts'
import { checkModel } from '../../model.ts'
import type { HistorySpec, Model, Scenario } from '../../scenario.ts'
import { seatsOf } from '../load.ts'
import type { ReadyMessage } from '../messages.ts'
import { COUNTED } from './history-counts.ts'
import { HistoryMemory, type HistoryShape } from './history-memory.ts'
import { asCounted, HistoryReader, type Placement } from './history-reader.ts'
import { KnownHistories } from './known-histories.ts'
import { countedMarks, type Marks, makeRecorder, observedMarks, type Recorder } from './recorder.ts'

const DEFAULT_CALLS = 12
/** Of the message that shows a violation. */
const MOST_BRIEF = 1200

export interface HistoryFault {
  readonly oracle: 'LIN'
  readonly message: string
  readonly details?: unknown
}

export interface Histories {
  /** Of this thread's body. */
  readonly recorder: Recorder
  /** Of `check`, whichever thread runs it. */
  readonly checkRecorder: Recorder
  /** Whether bodies that go on while `more()` says so have called enough. */
  readonly isFull: () => boolean
  /** Forgets what was recorded on a copy. */
  readonly clear: (copy: number) => void
  /** Judges what was recorded on a copy, and forgets it. All threads have met. Throws what the model throws. */
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
  const reader = new HistoryReader(memory, model.operations, placement)
  const names = seatsOf(instance.threads).map(({ label }) => label)
  const { budget = BUDGET } = spec
  const judge = new Judge({ reader, model, names, budget, count: options.count, explainsAll: stepped !== undefined })
  return {
    recorder,
    checkRecorder,
    isFull: () => recorder.hasEnded(most),
    clear: copy => memory.clear(copy),
    judge: copy => {
      try {
        return judge.judge(copy)
      } finally {
        memory.clear(copy)
      }
    },
  }
}

/** What is told to the main thread, which never imports the scenario. @throws TypeError as `makeHistories` */
export function readyHistory(spec: HistorySpec<any>, instance: PlannedInstance): NonNullable<ReadyMessage['history']> {
  return { calls: spec.calls ?? DEFAULT_CALLS, operations: modelOf(spec, instance).operations }
}

function modelOf(spec: HistorySpec<any>, { params, threads }: Pick<PlannedInstance, 'params' | 'threads'>): Model {
  const counts = Object.fromEntries(threads.map(({ name, count }) => [name, count]))
  const model = typeof spec.model === 'function' ? spec.model({ params, threads: counts }) : spec.model
  const problem = checkModel(model)
  if (problem !== undefined) throw new TypeError(problem)
  return spec.partition === undefined ? model : { ...model, partition: spec.partition }
}

/** `check` comes after everything, so its moments need no marks. */
const noMarks: Marks = { begin: () => {}, called: () => {}, returned: () => {} }

class Judge {
  readonly #reader: HistoryReader
  readonly #model: Model
  readonly #budget: number
  readonly #names: readonly string[]
  readonly #count: (name: string, n?: number) => void
  readonly #known = new KnownHistories()
  readonly #explainsAll: boolean
  #explained = false

  constructor(options: {
    readonly reader: HistoryReader
    readonly model: Model
    readonly budget: number
    readonly names: readonly string[]
    readonly count: (name: string, n?: number) => void
    /** Otherwise the first violation: the others are of the same kind. */
    readonly explainsAll: boolean
  }) {
    this.#explainsAll = options.explainsAll
    this.#reader = options.reader
    this.#model = options.model
    this.#budget = options.budget
    this.#names = [...options.names, 'check']
    this.#count = options.count
  }

  judge(copy: number): HistoryFault | undefined {
    if (!this.#reader.read(copy)) {
      this.#count(COUNTED.histories)
      this.#count(COUNTED.tooLong)
      return undefined
    }
    const { calls } = this.#reader
    if (calls === 0) return undefined
    this.#count(COUNTED.histories)
    this.#count(COUNTED.calls, calls)
    if (this.#reader.isConcurrent) this.#count(COUNTED.concurrent)
    const print = this.#reader.print()
    return this.#known.has(print) ? undefined : this.#check(print)
  }

  #check(print: Float64Array): HistoryFault | undefined {
    const history = this.#reader.history()
    const verdict = check(history, this.#model, { budget: this.#budget })
    if (verdict.verdict === 'linearizable') this.#known.add(print)
    if (verdict.verdict === 'unknown') this.#count(COUNTED.unknown)
    return verdict.verdict === 'violation' ? this.#faultOf(verdict) : undefined
  }

  #faultOf(violation: Verdict): HistoryFault {
    if (this.#explained && !this.#explainsAll) return { oracle: 'LIN', message: summaryOf(this.#model) }
    this.#explained = true
    const { brief, drawing, order, stuck, left } = explain(this.#model, violation, this.#names, this.#budget)
    const shown = cut(brief.join(EXHIBIT), MOST_BRIEF)
    return {
      oracle: 'LIN',
      message: `${summaryOf(this.#model)}${EXHIBIT}${shown}`,
      details: { model: this.#model.name, calls: this.#reader.calls, left, history: drawing, order, stuck },
    }
  }
}

const cut = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, most)}…`)
