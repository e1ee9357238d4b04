/** What is recorded is what happened: between real threads no call is said to have ended before another that it overlapped. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import t from 'tap'
import type { History } from '../lib/check/linearizability/history.ts'
import { HistoryMemory, historyMemory } from '../torture/guest/history/history-memory.ts'
import { asCounted, HistoryReader } from '../torture/guest/history/history-reader.ts'
import { countedMarks, makeRecorder, observedMarks, steppedMarks } from '../torture/guest/history/recorder.ts'
import type { Task } from './helpers/recording.ts'

const OPERATIONS = ['put', 'take', 'list']
const CALLS = 12

/** Recorders of two threads and `check` on one copy, driven by hand. */
function rig(order: 'observed' | 'counted' = 'observed') {
  const { shape, buffer } = historyMemory(2, 2, CALLS)
  const memory = new HistoryMemory(shape, buffer)
  const marks = order === 'observed' ? observedMarks : countedMarks
  const none = { begin: () => {}, called: () => {}, returned: () => {} }
  const recorders = [0, 1, 2].map(row => makeRecorder(memory, row, OPERATIONS, row < 2 ? marks(memory, row) : none))
  const reader = new HistoryReader(memory, OPERATIONS, order === 'observed' ? undefined : asCounted)
  for (const recorder of recorders) recorder.begin(1)
  const read = (): History => {
    if (!reader.read(1)) throw new Error('not all was recorded')
    return reader.history()
  }
  return { recorders, reader, read, memory }
}

for (const order of ['observed', 'counted'] as const) {
  t.test(`${order}: what ended before what`, async t => {
    const { recorders, read } = rig(order)
    const [a, b, check] = recorders
    a.call('put', 1)
    b.call('take')
    b.ret(1)
    b.call('take')
    a.ret()
    a.call('put', 2)
    b.ret()
    a.ret()
    check.call('list')
    check.ret([2])
    const after = read().map(calls => calls.map(call => Array.from(call.after)))
    t.same(after, [
      [
        [0, 0, 0],
        [1, 1, 0],
      ],
      [
        [0, 0, 0],
        [0, 1, 0],
      ],
      [[2, 2, 0]],
    ])
  })
}

t.test('arguments and what was returned', async t => {
  const { recorders, read, reader, memory } = rig()
  const [a, b] = recorders
  a.call('put')
  t.equal(a.ret(true), true, 'ret gives back what it is given')
  a.call('put', -1.5, 2 ** 40)
  a.ret(Number.NaN)
  a.call('put', 1, 2, 3)
  a.ret([])
  b.call('list', 0)
  t.same(b.ret([1, 2, 3, 4, 5, 6, 7, 8]), [1, 2, 3, 4, 5, 6, 7, 8])
  b.call('take')
  const history = read()
  t.same(
    history.flat().map(({ operation, args, returned, pending }) => [operation, args, returned, pending]),
    [
      ['put', [], 1, false],
      ['put', [-1.5, 2 ** 40], Number.NaN, false],
      ['put', [1, 2, 3], [], false],
      ['list', [0], [1, 2, 3, 4, 5, 6, 7, 8], false],
      ['take', [], undefined, true],
    ],
  )
  const print = reader.print().slice()
  b.ret(undefined)
  t.notSame(read() && reader.print(), print, 'a call that returned is another history than one that did not')
  memory.clear(1)
  t.same(read().flat(), [], 'forgotten')
})

t.test('prints tell histories apart', async t => {
  const printOf = (act: (a: ReturnType<typeof rig>['recorders']) => void) => {
    const { recorders, reader, read } = rig()
    act(recorders)
    read()
    return reader.print().join()
  }
  const prints = [
    printOf(() => {}),
    printOf(([a]) => a.call('put', 1)),
    printOf(([a]) => [a.call('put', 1), a.ret()]),
    printOf(([a]) => [a.call('put', 1), a.ret(0)]),
    printOf(([a]) => [a.call('put', 1), a.ret([])]),
    printOf(([a]) => [a.call('put', 1), a.ret([0])]),
    printOf(([a]) => [a.call('put'), a.ret(1)]),
    printOf(([, b]) => [b.call('put', 1), b.ret()]),
    printOf(([a, b]) => [a.call('put', 1), a.ret(), b.call('take'), b.ret()]),
    printOf(([a, b]) => [a.call('put', 1), b.call('take'), a.ret(), b.ret()]),
    printOf(([a, b]) => [b.call('take'), b.ret(), a.call('put', 1), a.ret()]),
  ]
  t.equal(new Set(prints).size, prints.length)
})

t.test('more calls than there is room for', async t => {
  const { recorders, reader, memory } = rig()
  for (let n = 0; n < 4 * CALLS; n++) {
    recorders[0].call('put', n)
    recorders[0].ret()
  }
  t.ok(reader.read(1))
  recorders[0].call('put', 1)
  recorders[0].ret()
  t.notOk(reader.read(1), 'it is said, not cut off')
  memory.clear(1)
  recorders[0].begin(1)
  t.ok(reader.read(1))
})

t.test('wrong use', async t => {
  const [a] = rig().recorders
  t.throws(() => a.ret(), /no call\(\) has begun/)
  t.throws(() => a.call('get'), /the model has no operation get, only put, take, list/)
  a.call('put')
  t.throws(() => a.call('put'), /begins before ret\(\)/)
  t.throws(() => a.ret(new Array<number>(9).fill(0)), /a list of at most 8 numbers/)
  t.throws(() => rig().recorders[0].ret('text' as never), /no call/)
})

t.test('steps of the scheduler are taken as they come', async t => {
  const { shape, buffer } = historyMemory(1, 1, CALLS)
  const memory = new HistoryMemory(shape, buffer)
  let steps = 3
  let begins = 0
  const marks = steppedMarks(memory, 0, { steps: () => steps, begins: () => begins++ })
  const recorder = makeRecorder(memory, 0, OPERATIONS, marks)
  recorder.begin(0)
  recorder.call('put')
  steps = 8
  recorder.ret()
  const at = memory.marks(0, 0, 0)
  t.same([memory.words[at], memory.words[at + 1], begins], [3, 8, 1])
})

/**
 * Each thread also draws numbers from a counter of the test's own, right inside and outside of its calls. If A is
 * recorded to have ended before B began, the last number drawn in A must be smaller than the first one drawn in B,
 * whatever the machine did. And if the number drawn after A is smaller than the one before B, it did end before.
 */
const DRAWN = { before: 0, atBeginning: 1, atEnd: 2, after: 3 } as const
for (const order of ['observed', 'counted'] as const) {
  t.test(`${order}: real threads`, async t => {
    const { outputFiles } = await build({
      entryPoints: ['test/helpers/recording.ts'],
      bundle: true,
      write: false,
      platform: 'node',
      format: 'cjs',
    })
    const ROUNDS = 400
    const THREADS = 3
    const task: Omit<Task, 'thread'> = {
      order,
      rounds: ROUNDS,
      history: historyMemory(ROUNDS, THREADS, CALLS),
      ticks: new Int32Array(new SharedArrayBuffer(4 * (1 + ROUNDS * THREADS * CALLS * 4))),
      gate: new Int32Array(new SharedArrayBuffer(8)),
      threads: THREADS,
      calls: CALLS,
    }
    const workers = Array.from(
      { length: THREADS },
      (_, thread) => new Worker(outputFiles[0].text, { eval: true, workerData: { ...task, thread } }),
    )
    await Promise.all(workers.map(worker => once(worker, 'exit')))
    const memory = new HistoryMemory(task.history.shape, task.history.buffer)
    const reader = new HistoryReader(memory, OPERATIONS, order === 'observed' ? undefined : asCounted)
    const drawn = (round: number, thread: number, call: number, which: keyof typeof DRAWN) =>
      task.ticks[1 + ((round * THREADS + thread) * CALLS + call) * 4 + DRAWN[which]]
    let [known, wrong, missed] = [0, 0, 0]
    for (let round = 0; round < ROUNDS; round++) {
      if (!reader.read(round)) throw new Error('not all was recorded')
      for (const [thread, calls] of reader.history().slice(0, THREADS).entries()) {
        for (const [n, { after }] of calls.entries()) {
          for (let other = 0; other < THREADS; other++) {
            if (other === thread) continue
            for (let m = 0; m < CALLS; m++) {
              const said = m < after[other]
              const may = drawn(round, other, m, 'atEnd') < drawn(round, thread, n, 'atBeginning')
              const must = drawn(round, other, m, 'after') < drawn(round, thread, n, 'before')
              if (said) known++
              if (said && !may) wrong++
              if (!said && must) missed++
            }
          }
        }
      }
    }
    t.equal(wrong, 0, `${known} times one was known to have ended before another`)
    t.ok(known > 0)
    t.comment(`${missed} times that was not known, ${known} times it was`)
    if (order === 'counted') t.equal(missed, 0, 'a counter misses nothing')
  })
}
