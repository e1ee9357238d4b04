/** The checker against brute force, on thousands of small histories of every model, and against cases that are known. */
import t from 'tap'
import { check, checkWhole } from '../lib/check/linearizability/check.ts'
import { partitioned } from '../lib/check/linearizability/history.ts'
import type { Model } from '../lib/check/linearizability/model.ts'
import * as models from '../lib/check/linearizability/models.ts'
import { Xoshiro } from '../torture/guest/random.ts'
import { bruteForce, drawHistory, historyOf, type Made } from './helpers/histories.ts'

type Draw = (random: Xoshiro) => readonly [string, ...number[]]
const item = (random: Xoshiro) => 1 + random.below(3)
const oneOf =
  (...calls: readonly Draw[]): Draw =>
  random =>
    calls[random.below(calls.length)](random)
const plain =
  (name: string): Draw =>
  () => [name]
const withItem =
  (name: string): Draw =>
  random => [name, item(random)]

const SUBJECTS: readonly (readonly [Model, Draw])[] = [
  [models.register(), oneOf(plain('read'), withItem('write'))],
  [
    models.casRegister({ initial: 1 }),
    oneOf(
      plain('read'),
      withItem('exchange'),
      random => ['compareAndSet', item(random), item(random)],
      random => ['compareExchange', item(random), item(random)],
    ),
  ],
  [models.counter(), oneOf(plain('read'), plain('add'), withItem('fetchAdd'), withItem('addFetch'))],
  [models.queue(), oneOf(withItem('enqueue'), withItem('enqueue'), plain('dequeue'), plain('peek'))],
  [models.queue({ capacity: 2, empty: 0 }), oneOf(withItem('enqueue'), plain('dequeue'), plain('size'))],
  [
    models.queue({ capacity: 1, empty: 0, mayFail: true }),
    oneOf(withItem('enqueue'), withItem('enqueue'), plain('dequeue')),
  ],
  [models.stack(), oneOf(withItem('push'), withItem('push'), plain('pop'), plain('popAll'))],
  [models.deque({ empty: 0, abort: -1 }), oneOf(withItem('push'), plain('take'), plain('steal'))],
  [models.set({ initial: [2] }), oneOf(withItem('add'), withItem('remove'), withItem('has'))],
  [
    models.map({ missing: 0 }),
    oneOf(withItem('get'), withItem('delete'), random => ['put', item(random), item(random)]),
  ],
  [models.mutex(), oneOf(plain('lock'), plain('tryLock'), plain('unlock'))],
  [models.semaphore({ permits: 2 }), oneOf(plain('acquire'), plain('tryAcquire'), plain('release'))],
]

const HISTORIES = 1000

for (const [model, draw] of SUBJECTS) {
  t.test(`${model.name}: as brute force has it`, async t => {
    const random = new Xoshiro(7, 1, 0)
    const counts = { linearizable: 0, violation: 0 }
    for (let n = 0; n < HISTORIES; n++) {
      const shape = { threads: 1 + random.below(3), calls: 1 + random.below(6) }
      const made = drawHistory(model, draw, random, shape)
      if (made.length === 0) continue
      const history = historyOf(made)
      const expected = bruteForce(made, model) ? 'linearizable' : 'violation'
      const verdicts = [check(history, model), checkWhole(history, model)].map(({ verdict }) => verdict)
      counts[expected]++
      if (verdicts[0] !== expected || verdicts[1] !== expected) {
        t.same(verdicts, [expected, expected], JSON.stringify(made))
        return
      }
    }
    t.ok(counts.linearizable > HISTORIES / 20, `${counts.linearizable} linearizable`)
    t.ok(counts.violation > HISTORIES / 20, `${counts.violation} not`)
  })
}

const verdictOf = (model: Model, made: readonly Made[]) => check(historyOf(made), model).verdict
const REGISTER = models.register()
const QUEUE = models.queue()

t.test("Herlihy and Wing's examples of queues", async t => {
  const enqueue = (thread: number, value: number, start: number, end?: number): Made => ({
    thread,
    call: ['enqueue', value],
    start,
    ...(end !== undefined && { end }),
  })
  const dequeue = (thread: number, returned: number | undefined, start: number, end: number): Made => ({
    thread,
    call: ['dequeue'],
    start,
    end,
    ...(returned !== undefined && { returned }),
  })
  // Figure 1 of the paper: (a) and (c) are, (b) and (d) are not.
  t.equal(
    verdictOf(QUEUE, [enqueue(0, 1, 1, 4), enqueue(1, 2, 2, 6), dequeue(1, 1, 7, 9), dequeue(0, 2, 5, 10)]),
    'linearizable',
  )
  t.equal(verdictOf(QUEUE, [enqueue(0, 1, 1, 2), enqueue(1, 2, 3, 5), dequeue(0, 2, 4, 6)]), 'violation')
  t.equal(
    verdictOf(QUEUE, [enqueue(0, 1, 1, 4), dequeue(1, 1, 2, 3)]),
    'linearizable',
    'an item may be taken before the call that put it in returns',
  )
  t.equal(
    verdictOf(QUEUE, [enqueue(0, 1, 1, 4), enqueue(1, 2, 2, 3), dequeue(0, 2, 5, 6), dequeue(1, 2, 7, 8)]),
    'violation',
    'one item twice',
  )
  t.equal(verdictOf(QUEUE, [enqueue(0, 1, 1), dequeue(1, 1, 2, 3)]), 'linearizable', 'pending, and it has happened')
  t.equal(verdictOf(QUEUE, [enqueue(0, 1, 1), dequeue(1, undefined, 2, 3)]), 'linearizable', 'pending, and it has not')
  t.equal(
    verdictOf(QUEUE, [enqueue(0, 1, 1), dequeue(1, 1, 2, 3), dequeue(1, 1, 4, 5)]),
    'violation',
    'pending, and it has happened twice',
  )
  t.equal(verdictOf(QUEUE, [dequeue(1, 1, 2, 3), enqueue(0, 1, 4)]), 'violation', 'pending, and it came too late')
})

t.test('an order that each thread believes in is not enough', async t => {
  // Sequentially consistent, and not linearizable: the read came after the write had returned.
  const stale: Made[] = [
    { thread: 0, call: ['write', 1], start: 1, end: 2 },
    { thread: 1, call: ['read'], returned: 0, start: 3, end: 4 },
  ]
  t.equal(verdictOf(REGISTER, stale), 'violation')
  t.equal(verdictOf(REGISTER, [stale[0], { ...stale[1], start: 1.5 }]), 'linearizable', 'unless they overlapped')
  // New and then old again: a register that is regular, and not atomic.
  const inverted: Made[] = [
    { thread: 0, call: ['write', 1], start: 1, end: 10 },
    { thread: 1, call: ['read'], returned: 1, start: 2, end: 3 },
    { thread: 2, call: ['read'], returned: 0, start: 4, end: 5 },
  ]
  t.equal(verdictOf(REGISTER, inverted), 'violation')
})

t.test('what concerns different keys is checked by itself', async t => {
  const model = models.map()
  const random = new Xoshiro(3, 1, 0)
  const made: Made[] = Array.from({ length: 24 }, (_, n) => ({
    thread: n % 8,
    call: ['set', n % 8, random.below(100)],
    start: Math.floor(n / 8) * 10 + (n % 8) / 10,
    end: Math.floor(n / 8) * 10 + 5 + (n % 8) / 10,
  }))
  const wrong = [...made, { thread: 0, call: ['get', 3] as const, returned: 1000, start: 50, end: 51 }]
  const parts = check(historyOf(wrong), model)
  t.equal(parts.verdict, 'violation')
  t.ok(parts.steps < 100, `${parts.steps} steps`)
  t.equal(checkWhole(historyOf(wrong), model, { budget: 1000 }).verdict, 'unknown', 'far too much as a whole')
  t.equal(
    partitioned(historyOf(made), () => undefined),
    undefined,
    'calls that concern everything keep it whole',
  )
})

t.test('a budget that is not enough gives no verdict, and one that is just enough does', async t => {
  const made = Array.from(
    { length: 6 },
    (_, n): Made => ({ thread: n, call: ['enqueue', n], start: 1 + n / 10, end: 2 + n / 10 }),
  )
  const wrong = historyOf([...made, { thread: 0, call: ['dequeue'], returned: 99, start: 5, end: 6 }])
  const { steps, verdict } = checkWhole(wrong, QUEUE)
  t.equal(verdict, 'violation')
  t.equal(checkWhole(wrong, QUEUE, { budget: steps }).verdict, 'violation')
  t.equal(checkWhole(wrong, QUEUE, { budget: steps - 1 }).verdict, 'unknown')
  t.equal(checkWhole(wrong, QUEUE, { budget: 1 }).verdict, 'unknown')
})

t.test('many calls that overlap are no trouble where there are few states', async t => {
  // 16 threads that add one to a counter and never see it: 16! orders, and 17 states for each set of calls.
  const made = Array.from(
    { length: 16 },
    (_, n): Made => ({ thread: n, call: ['add'], start: 1 + n / 100, end: 2 + n / 100 }),
  )
  const read: Made = { thread: 0, call: ['read'], returned: 17, start: 3, end: 4 }
  const { verdict, steps } = checkWhole(historyOf([...made, read]), models.counter(), { budget: 2_000_000 })
  t.equal(verdict, 'violation')
  t.ok(steps <= 16 * 2 ** 15 + 2 ** 16, `${steps} steps: each set of calls once`)
})
