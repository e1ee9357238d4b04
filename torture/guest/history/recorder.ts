/**
 * Records what one thread calls. It has to be cheap, since it stands beside the very operations whose races are looked
 * for: plain stores to memory of the thread's own, no allocation, and as little as possible that other threads notice.
 *
 * What must be known of time is which calls had ended when another one began:
 * - `observed`: each thread publishes how many of its calls have ended, and looks at those counts of the others when it
 *   begins one. What was seen to have ended has ended, so nobody is accused wrongly; an end that was published a moment
 *   ago may not be seen yet, and then the calls count as overlapping. No thread waits for another.
 * - `counted`: beginnings and ends draw numbers from one shared counter. It misses nothing, and at every beginning and
 *   every end the threads contend for one cell, in full order.
 * - `stepped`: under the deterministic scheduler the thread's own steps tell, and those are on record anyhow.
 */
import type { Returned } from '../../scenario.ts'
import { CALL, CALL_DOUBLES, type HistoryMemory, KIND, MOST_VALUES, ROW } from './history-memory.ts'

/** Notes the moment in the words of a call. */
export interface Marks {
  /** Makes ready for a round on a copy. */
  readonly begin: (copy: number) => void
  /** The last thing before the operation. @param at first of the call's words */
  readonly called: (at: number) => void
  /** The first thing after it. @param ended calls of this thread, with this one */
  readonly returned: (at: number, ended: number) => void
}

// Captured before a scenario is imported: recording is never delayed, nor scheduled.
const { add, load, store } = Atomics

/**
 * On x86 plain stores become visible in order after all that the call did, without waiting for it. Elsewhere the count
 * must not overtake the call's own stores, or others would blame it for what it did not yet show.
 */
const publish: (words: Int32Array, at: number, value: number) => void =
  process.arch === 'x64' || process.arch === 'ia32'
    ? (words, at, value) => {
        words[at] = value
      }
    : (words, at, value) => {
        store(words, at, value)
      }

export function observedMarks(memory: HistoryMemory, row: number): Marks {
  const { words } = memory
  const others = memory.shape.rows - 1
  let first = 0
  let mine = 0
  const stride = memory.head(0, 1) - memory.head(0, 0)
  return {
    begin: copy => {
      first = memory.head(copy, 0) + ROW.ended
      mine = memory.head(copy, row) + ROW.ended
    },
    called: at => {
      for (let t = 0; t < others; t++) words[at + t] = load(words, first + stride * t)
    },
    returned: (_at, ended) => publish(words, mine, ended),
  }
}

export function countedMarks(memory: HistoryMemory, row: number): Marks {
  const { words } = memory
  let counter = 0
  let mine = 0
  return {
    begin: copy => {
      counter = memory.counter(copy)
      mine = memory.head(copy, row) + ROW.ended
    },
    called: at => {
      words[at] = add(words, counter, 1)
    },
    returned: (at, ended) => {
      words[at + 1] = add(words, counter, 1)
      words[mine] = ended
    },
  }
}

/** What the scheduler knows of the thread. */
export interface Steps {
  /** So many it has made. */
  readonly steps: () => number
  /** Its next one begins a call. */
  readonly begins: () => void
}

export function steppedMarks(memory: HistoryMemory, row: number, { steps, begins }: Steps): Marks {
  const { words } = memory
  let mine = 0
  return {
    begin: copy => {
      mine = memory.head(copy, row) + ROW.ended
    },
    called: at => {
      words[at] = steps()
      begins()
    },
    returned: (at, ended) => {
      words[at + 1] = steps()
      words[mine] = ended
    },
  }
}

export interface Recorder {
  readonly call: (operation: string, a?: number, b?: number, c?: number) => void
  readonly ret: <R extends Returned>(returned?: R) => R
  /** Makes ready for a round on a copy, which was cleared. */
  readonly begin: (copy: number) => void
  /** The operation of a call that has not been ended with `ret`; undefined: there is none. */
  readonly unended: () => string | undefined
  /** Whether any thread has ended so many calls in the present round. */
  readonly hasEnded: (calls: number) => boolean
}

/**
 * @param operations names, by number
 * @throws TypeError where a body calls an operation that the model has not, twice at once, or with what is no number
 */
export function makeRecorder(
  memory: HistoryMemory,
  row: number,
  operations: readonly string[],
  marks: Marks,
): Recorder {
  const { words, doubles, shape } = memory
  const { capacity, rows } = shape
  const { called, returned: ended } = marks
  const stride = memory.head(0, 1) - memory.head(0, 0)
  let first = 0
  let head = 0
  let begun = 0
  /** Of the present call: where it is written, and where its moments. */
  let at = 0
  let marksAt = 0
  let isOpen = false
  let isDropped = false
  let present = 0
  const numberOf = (operation: string): number => {
    for (let n = 0; n < operations.length; n++) if (operations[n] === operation) return n
    throw new TypeError(`call(): the model has no operation ${operation}, only ${operations.join(', ')}`)
  }
  const drop = (): void => {
    isDropped = true
    words[head + ROW.dropped]++
  }
  const call = (operation: string, a?: number, b?: number, c?: number): void => {
    if (isOpen) throw new TypeError(`call(): ${operation} begins before ret() has ended the call before it`)
    const number = numberOf(operation)
    isOpen = true
    present = number
    if (begun === capacity) {
      drop()
      return
    }
    begun++
    at += CALL_DOUBLES
    marksAt += rows
    doubles[at + CALL.operation] = number
    doubles[at + CALL.kind] = KIND.pending
    let args = 0
    if (a !== undefined) {
      doubles[at + CALL.arg + args++] = a
      if (b !== undefined) doubles[at + CALL.arg + args++] = b
      if (c !== undefined) doubles[at + CALL.arg + args++] = c
    }
    doubles[at + CALL.args] = args
    words[head + ROW.begun] = begun
    called(marksAt)
  }
  const ret = <R extends Returned>(returned?: R): R => {
    if (!isOpen) throw new TypeError('ret(): no call() has begun')
    isOpen = false
    if (!isDropped) {
      ended(marksAt, begun)
      put(returned)
    }
    return returned as R
  }
  const put = (returned: Returned): void => {
    if (typeof returned === 'number' || typeof returned === 'boolean') {
      doubles[at + CALL.kind] = KIND.number
      doubles[at + CALL.values] = Number(returned)
    } else if (returned === undefined) doubles[at + CALL.kind] = KIND.nothing
    else putList(returned)
  }
  const putList = (list: readonly number[]): void => {
    if (!Array.isArray(list) || list.length > MOST_VALUES)
      throw new TypeError(`ret(): it takes a number, a boolean, nothing, or a list of at most ${MOST_VALUES} numbers`)
    doubles[at + CALL.kind] = KIND.list + list.length
    for (let i = 0; i < list.length; i++) doubles[at + CALL.values + i] = list[i]
  }
  return {
    call,
    ret,
    begin: copy => {
      head = memory.head(copy, row)
      at = memory.call(copy, row, 0) - CALL_DOUBLES
      marksAt = memory.marks(copy, row, 0) - rows
      begun = 0
      isOpen = false
      isDropped = false
      first = memory.head(copy, 0) + ROW.ended
      marks.begin(copy)
    },
    unended: () => (isOpen ? operations[present] : undefined),
    hasEnded: calls => {
      for (let other = 0; other < rows - 1; other++) if (load(words, first + stride * other) >= calls) return true
      return false
    },
  }
}

const NONE = 'the scenario has no history: { model }, so nothing can be recorded'

/** Where the scenario has no history. */
export const noRecorder = {
  call: (): never => {
    throw new TypeError(`call(): ${NONE}`)
  },
  ret: (): never => {
    throw new TypeError(`ret(): ${NONE}`)
  },
}
