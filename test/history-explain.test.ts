/** What a person is shown of a violation: the calls that matter, how they lay in time, and where every order ends. */
import t from 'tap'
import { check } from '../lib/check/linearizability/check.ts'
import { explain } from '../lib/check/linearizability/explain.ts'
import type { Model } from '../lib/check/linearizability/model.ts'
import * as models from '../lib/check/linearizability/models.ts'
import { drawHistory } from '../lib/check/linearizability/timeline.ts'
import { Xoshiro } from '../torture/guest/random.ts'
import { bruteForce, historyOf, type Made, drawHistory as made } from './helpers/histories.ts'

const NAMES = ['producer', 'left', 'right', 'check']
const QUEUE = models.queue()

const explained = <S>(model: Model<S>, calls: readonly Made[]) =>
  explain(model, check(historyOf(calls), model), NAMES, 100_000)

const enqueue = (value: number, start: number, end: number): Made => ({
  thread: 0,
  call: ['enqueue', value],
  start,
  end,
})
const dequeue = (thread: number, returned: number, start: number, end: number): Made => ({
  thread,
  call: ['dequeue'],
  returned,
  start,
  end,
})

t.test('an item that two take', async t => {
  const calls = [
    enqueue(1, 1, 2),
    enqueue(2, 3, 4),
    enqueue(3, 5, 6),
    dequeue(2, 1, 7, 8),
    dequeue(1, 2, 9, 11),
    dequeue(2, 2, 10, 12),
    dequeue(1, 3, 13, 14),
  ]
  t.same(explained(QUEUE, calls), {
    brief: ['producer enqueue(1), enqueue(2)', 'left dequeue() → 2', 'right dequeue() → 1, dequeue() → 2'],
    drawing: [
      'producer        left               right',
      '─ enqueue(1)',
      '─ enqueue(2)',
      '─ (enqueue(3))',
      '                                   ─ dequeue() → 1',
      '                ┌ dequeue() → 2',
      '                │                  ┌ dequeue() → 2',
      '                └                  │',
      '                                   └',
      '                ─ (dequeue() → 3)',
    ],
    order: [
      'producer enqueue(1)   then 1',
      'producer enqueue(2)   then 1 2',
      'producer enqueue(3)   then 1 2 3',
      'right dequeue() → 1   then 2 3',
      'left dequeue() → 2   then 3',
    ],
    stuck: ['right dequeue() → 2: there it would have returned 3'],
    left: 2,
  })
})

t.test('a long history: what comes after the contradiction is not drawn', async t => {
  const later = Array.from({ length: 50 }, (_, n) => dequeue(2, 7, 20 + 10 * n, 21 + 10 * n))
  const calls = [enqueue(1, 1, 2), dequeue(1, 1, 3, 4), enqueue(2, 5, 6), dequeue(1, 1, 7, 8), ...later]
  const { drawing, brief, left } = explained(QUEUE, calls)
  t.ok(drawing.length < 10, drawing.join('\n'))
  t.same(brief, ['producer enqueue(1)', 'left dequeue() → 1, dequeue() → 1'])
  t.equal(left, 51)
})

t.test('what a call that is left out did or did not do is no explanation', async t => {
  // Both writes matter, although neither was read: without either there would be an order.
  const sharded: Made[] = [
    { thread: 1, call: ['read'], returned: 2, start: 2, end: 9 },
    { thread: 0, call: ['add', 1], start: 1, end: 3 },
    { thread: 2, call: ['add', 2], start: 4, end: 5 },
    { thread: 2, call: ['add', 10], start: 10, end: 11 },
  ]
  const { brief, stuck, left } = explained(models.counter(), sharded)
  t.same(brief, ['producer add(1)', 'left read() → 2', 'right add(2)'])
  t.same(stuck, ['left read() → 2: there it would have returned 3'])
  t.equal(left, 1)
})

t.test('what cannot happen at all, what never returned, what returns a list', async t => {
  const twoInside: Made[] = [
    { thread: 0, call: ['lock'], start: 1, end: 2 },
    { thread: 1, call: ['lock'], start: 3, end: 4 },
    { thread: 2, call: ['tryLock'], start: 5 },
  ]
  t.same(explained(models.mutex(), twoInside).stuck, ['left lock(): there it cannot happen'])
  const once: Made[] = [
    { thread: 0, call: ['push', 1], start: 1 },
    { thread: 1, call: ['pop'], returned: 1, start: 2, end: 3 },
    { thread: 1, call: ['popAll'], returned: [1, 1], start: 4, end: 5 },
  ]
  const { drawing, order, stuck } = explained(models.stack(), once)
  t.same(drawing, [
    'producer                  left',
    '┌ push(1) never returned',
    '│                         ─ pop() → 1',
    '│                         ─ popAll() → [1, 1]',
  ])
  t.same(order, ['producer push(1) never returned   then 1', 'left pop() → 1'])
  t.same(stuck, ['left popAll() → [1, 1]: there it would have returned []'])
  t.same(drawHistory([[], []], ['a', 'b']), [''])
})

t.test('what is shown is never linearizable, and less than all', async t => {
  const random = new Xoshiro(11, 1, 0)
  let violations = 0
  let left = 0
  for (let n = 0; n < 1500; n++) {
    const calls = made(QUEUE, r => (r.oneIn(2) ? ['enqueue', r.below(3)] : ['dequeue']), random, {
      threads: 3,
      calls: 1 + random.below(7),
    })
    if (calls.length === 0 || bruteForce(calls, QUEUE)) continue
    violations++
    const explanation = explained(QUEUE, calls)
    left += explanation.left
    const shown = NAMES.slice(0, 3).map(name => explanation.brief.find(line => line.startsWith(name)) ?? '')
    const lengths = shown.map(line => line.match(/queue\(/g)?.length ?? 0)
    const rest = calls.filter(
      call => calls.filter(c => c.thread === call.thread && c.start < call.start).length < lengths[call.thread],
    )
    if (bruteForce(rest, QUEUE)) t.fail(`${JSON.stringify(calls)}: ${explanation.brief.join(' | ')}`)
    if (explanation.stuck.length === 0) t.fail(`${JSON.stringify(calls)}: nothing is said of where it ends`)
  }
  t.ok(violations > 100, `${violations} violations`)
  t.ok(left > violations / 2, `${left} calls left out`)
})
