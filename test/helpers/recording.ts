/** A worker of history-recorder.test.ts: records calls, and draws numbers right inside and outside of them. */
import { workerData } from 'node:worker_threads'
import { HistoryMemory, type HistoryShape } from '../../torture/guest/history/history-memory.ts'
import { countedMarks, makeRecorder, observedMarks } from '../../torture/guest/history/recorder.ts'

export interface Task {
  readonly order: 'observed' | 'counted'
  readonly rounds: number
  readonly history: { readonly shape: HistoryShape; readonly buffer: SharedArrayBuffer }
  /** The counter, and what was drawn for each call: before it, at its beginning, at its end, after it. */
  readonly ticks: Int32Array
  /** Threads that have come, and rounds that are over. */
  readonly gate: Int32Array
  readonly threads: number
  readonly calls: number
  readonly thread: number
}

const { order, rounds, history, ticks, gate, threads, calls, thread } = workerData as Task
const memory = new HistoryMemory(history.shape, history.buffer)
const marks = (order === 'observed' ? observedMarks : countedMarks)(memory, thread)
const { begin, call, ret } = makeRecorder(memory, thread, ['put', 'take', 'list'], marks)
for (let round = 0; round < rounds; round++) {
  begin(round)
  Atomics.add(gate, 0, 1)
  Atomics.notify(gate, 0)
  for (let come = Atomics.load(gate, 0); come < threads * (round + 1); come = Atomics.load(gate, 0))
    Atomics.wait(gate, 0, come, 1)
  for (let n = 0; n < calls; n++) {
    const at = 1 + ((round * threads + thread) * calls + n) * 4
    ticks[at] = Atomics.add(ticks, 0, 1)
    call('put', n)
    ticks[at + 1] = Atomics.add(ticks, 0, 1)
    ticks[at + 2] = Atomics.add(ticks, 0, 1)
    ret()
    ticks[at + 3] = Atomics.add(ticks, 0, 1)
  }
}
