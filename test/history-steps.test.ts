/** Under explore a call lasts from its first step to its last; with store buffers, until what it stored can be seen. */
import t from 'tap'
import { Baton } from '../torture/explore/control/baton.ts'
import { Stage } from '../torture/explore/control/stage.ts'
import { steppedBy } from '../torture/explore/report/step-order.ts'
import { ACTOR, Board } from '../torture/explore/schedule/board.ts'
import { DID, OP } from '../torture/explore/schedule/ops.ts'
import { Scheduler } from '../torture/explore/schedule/scheduler.ts'
import { Focus } from '../torture/explore/search/focus.ts'
import { batonBytes } from '../torture/explore/sizes.ts'
import { HistoryMemory, historyMemory } from '../torture/guest/history/history-memory.ts'
import { HistoryReader } from '../torture/guest/history/history-reader.ts'
import { makeRecorder } from '../torture/guest/history/recorder.ts'

const THREADS = 2
const BUFFER = THREADS

function rig(memoryModel: 'sc' | 'tso' | 'pso') {
  const board = new Board(THREADS)
  const scheduler = new Scheduler(board, [], new Focus())
  const stage = new Stage(0, scheduler, new Baton(new SharedArrayBuffer(batonBytes(THREADS)), 0))
  board.reset(1, 0, [1, 1], false)
  const { shape, buffer } = historyMemory(1, THREADS, 12)
  const memory = new HistoryMemory(shape, buffer)
  const { marks, placement } = steppedBy(stage, memoryModel)
  const recorders = [0, 1].map(row => makeRecorder(memory, row, ['a'], marks(memory, row)))
  for (const recorder of recorders) recorder.begin(0)
  const reader = new HistoryReader(memory, ['a'], placement)
  return {
    board,
    recorders,
    /** An actor's next step. */
    step: (actor: number, kind: number = OP.load, did = 0) => {
      board.set(actor, ACTOR.kind, kind)
      board.note(actor, did, 3, 0, 0)
    },
    /** For each call of each thread, how many of the other's had ended. */
    seen: () => {
      reader.read(0)
      return reader.history().map((calls, thread) => calls.map(({ after }) => after[1 - thread]))
    },
  }
}

t.test('from the first step to the last', async t => {
  const { recorders, step, seen, board } = rig('sc')
  const [a, b] = recorders
  // Both call at once, but the second does nothing before the first is done.
  a.call('a')
  b.call('a')
  step(0)
  step(0)
  a.ret()
  step(1)
  b.ret()
  // This one begins before that one is done.
  a.call('a')
  step(0)
  b.call('a')
  step(1)
  step(0)
  a.ret()
  b.ret()
  t.same(seen().slice(0, 2), [
    [0, 1],
    [1, 1],
  ])
  const begins = Array.from({ length: board.steps }, (_, n) => (board.didAt(n) & DID.begins) !== 0)
  t.same(begins, [true, false, true, true, true, false], 'the first step of each call is marked')
})

t.test("a call without steps lies between its thread's other steps", async t => {
  const { recorders, step, seen } = rig('sc')
  const [a, b] = recorders
  step(0)
  a.call('a')
  a.ret()
  b.call('a')
  step(1)
  b.ret()
  step(0)
  b.call('a')
  step(1)
  b.ret()
  t.same(seen().slice(0, 2), [[0], [0, 1]])
})

t.test('a call that never returned has ended before nothing', async t => {
  const { recorders, step, seen } = rig('sc')
  const [a, b] = recorders
  a.call('a')
  step(0)
  b.call('a')
  step(1)
  b.ret()
  t.same(seen().slice(0, 2), [[0], [0]])
})

/** One stores, and returns; another begins; then the store reaches memory, and a third begins. */
function delayed(memoryModel: 'tso' | 'pso') {
  const { recorders, step, seen } = rig(memoryModel)
  const [a, b] = recorders
  a.call('a')
  step(0, OP.store, DID.delay)
  a.ret()
  b.call('a')
  step(1)
  b.ret()
  step(BUFFER, OP.drain, DID.write)
  b.call('a')
  step(1)
  b.ret()
  return seen().slice(0, 2)
}

t.test('store buffers', async t => {
  t.same(delayed('tso'), [[0], [0, 1]], 'a call lasts until its stores have reached memory')
  t.same(delayed('pso'), [[0], [0, 0]], 'where loads may be early, too, nothing is certain between threads')
})
