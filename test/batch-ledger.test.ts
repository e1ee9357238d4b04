/** What becomes of jobs by what a queue says of their tasks: results decide, and nothing is given up too soon. */
import t from 'tap'
import { Ledger } from '../remote/batch/ledger.ts'
import type { TaskState } from '../remote/carrier.ts'

const PATIENCE = { graceMs: 600, settleMs: 5, shareMs: 120 }
const said = (states: Readonly<Record<string, TaskState>>) => new Map(Object.entries(states))
const RUNNING: TaskState = { state: 'running' }
const WAITING: TaskState = { state: 'waiting' }

/** Two jobs in one array. */
function ledgerOf(): Ledger {
  const ledger = new Ledger(0, PATIENCE)
  for (const [index, key] of ['a', 'b'].entries()) {
    ledger.add({ key, cpus: 1, durationMs: 1 })
    ledger.place(key, `1.${index}`)
  }
  return ledger
}

t.test('the widest and longest first; what is placed is not queued', async t => {
  const ledger = new Ledger(0, PATIENCE)
  ledger.add({ key: 'short', cpus: 1, durationMs: 1 })
  ledger.add({ key: 'long', cpus: 1, durationMs: 9 })
  ledger.add({ key: 'wide', cpus: 4, durationMs: 1 })
  t.same(
    ledger.queued.map(({ key }) => key),
    ['wide', 'long', 'short'],
  )
  ledger.place('long', '1.0')
  t.same(ledger.placed, [{ key: 'long', task: '1.0', begun: false }])
  for (const key of ['wide', 'long', 'short']) ledger.done(key)
  t.ok(ledger.over)
})

t.test('a task that waits, however long, is not lost', async t => {
  const ledger = ledgerOf()
  ledger.observe(said({ '1.0': WAITING, '1.1': { state: 'waiting', why: 'it is held' } }), 1)
  t.same(ledger.lost(1e9), [])
  t.same([...ledger.waits], [['it is held', 1]])
})

t.test('a task that cannot start is given up after the grace, unless it can', async t => {
  const ledger = ledgerOf()
  const hopeless: TaskState = { state: 'waiting', why: 'it cannot start', hopeless: true }
  ledger.observe(said({ '1.0': hopeless, '1.1': hopeless }), 1)
  t.same(ledger.lost(600), [])
  ledger.observe(said({ '1.0': hopeless, '1.1': RUNNING }), 601)
  t.same(ledger.lost(601), [{ key: 'a', why: 'it cannot start' }])
})

t.test('after the end of a task its result is waited for', async t => {
  const ledger = ledgerOf()
  const states = said({ '1.0': { state: 'ended', why: 'it was cancelled' }, '1.1': { state: 'ended' } })
  ledger.observe(states, 1)
  t.ok(ledger.anxious, 'and the queue is asked again')
  t.same(ledger.lost(100), [], 'what was not seen again may have changed')
  ledger.observe(states, 5)
  t.same(ledger.lost(5), [])
  ledger.observe(states, 6)
  t.same(ledger.lost(6), [{ key: 'a', why: 'it was cancelled' }])
  ledger.done('a')
  ledger.observe(states, 120)
  t.same(ledger.lost(120), [], 'the longer where one must come')
  ledger.observe(states, 121)
  t.match(ledger.lost(121), [{ key: 'b', why: /no result is to be seen/ }])
})

t.test('a node that fails: its task may start again', async t => {
  const ledger = ledgerOf()
  const failed: TaskState = { state: 'ended', why: 'its node failed', again: true }
  ledger.observe(said({ '1.0': failed, '1.1': failed }), 1)
  ledger.observe(said({ '1.0': WAITING, '1.1': failed }), 121)
  t.same(ledger.lost(121), [{ key: 'b', why: 'its node failed' }])
})

t.test('what the queue has forgotten, and a queue that says nothing', async t => {
  const ledger = ledgerOf()
  ledger.observe(said({ '1.1': RUNNING }), 1)
  ledger.observe(said({ '1.1': RUNNING }), 121)
  t.match(ledger.lost(121), [{ key: 'a', why: /knows nothing of it any more/ }])
  ledger.done('a')
  ledger.silent('connection refused')
  t.same(ledger.lost(600), [])
  ledger.alive(600)
  t.same(ledger.lost(1199), [], 'a result that comes is a sign of life')
  t.match(ledger.lost(1200), [{ key: 'b', why: 'the queue has not answered for 1 s: connection refused' }])
  ledger.observe(said({ '1.1': RUNNING }), 1200)
  t.same(ledger.lost(1e9), [])
})
