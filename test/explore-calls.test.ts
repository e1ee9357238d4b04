/** Recorded calls in an interleaving: around the steps that they made, with what they returned. */
import t from 'tap'
import { renderInterleaving } from '../results/reporters/interleaving.ts'
import { plainPalette } from '../results/reporters/palette.ts'
import type { Interleaving } from '../results/schema.ts'
import { type Called, callsByStep, noting } from '../torture/explore/report/calls.ts'
import { ACTOR, Board } from '../torture/explore/schedule/board.ts'
import { OP } from '../torture/explore/schedule/ops.ts'

t.test('a call lies around the steps of its thread; one without a step, before the next or after the last', async t => {
  const board = new Board(2)
  board.reset(1, 0, [1, 1], false)
  const step = (thread: number) => {
    board.set(thread, ACTOR.kind, OP.load)
    board.note(thread, 0, 3, 0, 0)
  }
  const logs: Called[][] = [[], []]
  const [a, b] = logs.map((log, thread) => {
    const steps = () => board.of(thread, ACTOR.steps)
    const untold = { call: () => {}, ret: <R>(returned?: R) => returned as R }
    return noting(untold, () => log, steps, thread)
  })
  step(0)
  step(1)
  a.call('push', 3)
  step(0)
  b.call('pop')
  step(1)
  step(0)
  t.equal(a.ret(true), true)
  b.ret([1, 2])
  a.call('size')
  a.ret(7)
  step(0)
  b.call('clear')
  b.ret()
  a.call('push', 4, 5)
  step(0)
  t.strictSame(Object.fromEntries(callsByStep(board, logs.flat())), {
    2: { before: [{ begins: 'push(3)' }], after: [] },
    3: { before: [{ begins: 'pop()' }], after: [{ ends: 'pop → [1, 2]' }, { begins: 'clear()', ends: 'clear' }] },
    4: { before: [], after: [{ ends: 'push → true' }] },
    5: { before: [{ begins: 'size()', ends: 'size → 7' }], after: [] },
    6: { before: [{ begins: 'push(4, 5)' }], after: [] },
  })
})

const load = (step: number, thread: number) => ({
  step,
  thread,
  op: 'load',
  cell: 'cells[0]',
  read: '0',
  at: 'q.mjs:1:2',
})
const called: Interleaving = {
  schema: 1,
  schedule: '',
  threads: ['producer[0]', 'consumer[0]'],
  steps: [
    { ...load(0, 0), before: [{ begins: 'enqueue(1)' }] },
    { ...load(1, 1), preempted: true, before: [{ begins: 'size()', ends: 'size → 0' }, { begins: 'dequeue()' }] },
    { ...load(2, 1), after: [{ ends: 'dequeue → 1' }] },
    { ...load(3, 0), after: [{ ends: 'enqueue' }] },
  ],
  ending: ['LIN in history: not linearizable'],
}

for (const width of [80, 120])
  t.test(`${width} columns`, async t => {
    const text = renderInterleaving(called, { width, paint: plainPalette })
    t.ok(text.split('\n').every(line => line.length <= width))
    t.match(text, /^ +┌ enqueue\(1\)\n +0 +load.*\n +preempted ╌+\n +╶ size\(\) → 0\n +┌ dequeue\(\)\n/m)
    t.match(text, /\n +└ dequeue → 1\n+ +3 +load .*\n +└ enqueue\n/)
  })

t.test('where the threads have no columns a call names its thread', async t => {
  const threads = Array.from({ length: 12 }, (_, n) => `thread[${n}]`)
  const text = renderInterleaving({ ...called, threads }, { width: 40, paint: plainPalette })
  t.match(text, /^ +thread\[1\] +┌ dequeue\(\)$/m)
})
