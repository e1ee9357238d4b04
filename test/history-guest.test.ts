/** Histories of real threads: what is right passes in thousands of rounds, what is wrong is told, what proves nothing is said. */
import t from 'tap'
import { bundleGuest, instanceOf, runGuest } from './helpers/guest.ts'

const bundle = await bundleGuest({
  queue: 'test/fixtures/history-queue.ts',
  counted: 'test/fixtures/history-counted.ts',
  budget: 'test/fixtures/history-budget.ts',
  model: 'test/fixtures/history-model.ts',
})
t.teardown(bundle.remove)
const guest = (scenario: string, how: string, changes = {}, params = {}) =>
  runGuest(bundle, instanceOf(scenario, { user: 2 }, { params: { how, long: false, ...params }, ...changes }))

for (const scenario of ['queue', 'counted']) {
  t.test(`${scenario}: what is right passes`, async t => {
    const wrong: unknown[] = []
    let overlapped = 0
    // Where threads share a CPU with others, calls may overlap in no round of a second.
    for (let seed = 1; seed <= 20 && overlapped === 0; seed++) {
      const { result } = await guest(scenario, 'good', { seed, durationMs: 800 })
      const { histories, 'histories: calls': calls, 'histories: concurrent': concurrent } = result!.counters
      // Each round has one, with three pairs of calls a thread, and one or more of `check`.
      const right = histories === result!.rounds && calls >= 13 * histories && calls <= 19 * histories
      if (result!.verdict !== 'pass' || !right) wrong.push(result)
      overlapped += concurrent
    }
    t.same(wrong, [])
    t.ok(overlapped > 0, 'calls overlapped')
  })
}

// An item that is never stored makes every round with it wrong: nothing is left to chance.
t.test('what is lost is missed', async t => {
  const { result, failure } = await guest('queue', 'lost', { durationMs: 20_000 })
  t.equal(result?.verdict, 'fail')
  const { oracle, message, thread, details } = failure() as ReturnType<typeof failure> & { details: any }
  t.equal(oracle, 'LIN')
  t.equal(thread, 'history')
  t.match(message, /^not linearizable as a FIFO queue ┆ user\[[01]\] enqueue/)
  t.equal(details.model, 'a FIFO queue')
  t.match(details.history[0], /^user\[[01]\]/, 'drawn with the threads as columns')
  t.ok(details.stuck.length > 0, 'and with where every order ends')
  t.equal(result!.failures.length, 1, 'one kind of failure, however many histories show it')
})

t.test('long-running bodies: a round is over when a thread has called enough', async t => {
  const { result } = await guest('queue', 'good', { durationMs: 800 }, { long: true })
  t.equal(result?.verdict, 'pass', result?.reason ?? '')
  const { histories, 'histories: calls': calls } = result!.counters
  t.equal(histories, result!.rounds)
  t.ok(calls / histories >= 13 && calls / histories < 100, `${calls} calls in ${histories} histories`)
  const wrong = await guest('queue', 'lost', { durationMs: 20_000 }, { long: true })
  t.equal(wrong.result?.verdict, 'fail')
  t.equal(wrong.failure().oracle, 'LIN')
})

t.test('a call that threw may have happened or not: no history is blamed for it', async t => {
  // The item is in the queue, and its call never returned: half of the rounds have one such call or more.
  const { result } = await guest('queue', 'throw', { keepGoing: true, durationMs: 500 })
  t.same(
    result?.failures.map(({ oracle, message }) => `${oracle}: ${message}`),
    ['exception: RangeError: bad luck'],
  )
  t.equal(result!.counters.histories, result!.rounds, 'they are checked, too')
})

t.test('histories without a verdict prove nothing', async t => {
  for (const [scenario, how, why] of [
    ['queue', 'nothing', /no history was recorded: bodies put call\(\) and ret\(\) around their operations/],
    ['queue', 'many', /all .* histories were too long: a thread recorded more calls in a round than there is room for/],
    ['budget', 'good', /none of .* histories got a verdict: they take more than history\.budget/],
  ] as const) {
    const { result, status } = await guest(scenario, how)
    t.equal(result?.verdict, 'inconclusive', how)
    t.equal(status, 4)
    t.match(result?.reason, why)
  }
})

t.test('a hang names the call that never returned', async t => {
  const { result, failure } = await guest('queue', 'hang', { hangAfterMs: 500, durationMs: 20_000 })
  t.equal(result?.verdict, 'hang')
  const { lines } = failure().details as { lines: string[] }
  t.ok(lines.includes('user[0] in dequeue(), call 2 of its round'), lines.join('\n'))
})

t.test('an error of the model is a failure, not a crash', async t => {
  const { result, failure } = await guest('model', 'good')
  t.equal(result?.verdict, 'fail')
  t.match(failure(), { oracle: 'history', message: 'RangeError: what now?', thread: 'history' })
})

t.test('what is recorded wrongly is an error of the body', async t => {
  for (const [how, message] of [
    ['unknown operation', 'TypeError: call(): the model has no operation sort, only enqueue, dequeue, peek, size'],
    ['two at once', 'TypeError: call(): dequeue begins before ret() has ended the call before it'],
    ['no call', 'TypeError: ret(): no call() has begun'],
  ] as const) {
    const { result, failure } = await guest('queue', how)
    t.equal(result?.verdict, 'fail')
    t.equal(failure().message, message)
  }
})
