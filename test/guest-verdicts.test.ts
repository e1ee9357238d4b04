import t from 'tap'
import { bundleGuest, instanceOf, runGuest } from './helpers/guest.ts'

const bundle = await bundleGuest({
  'lost-update': 'scenarios/classics/bad/lost-update.ts',
  sum: 'test/fixtures/guest-sum.ts',
  wrong: 'test/fixtures/guest-wrong.ts',
  tiny: 'test/fixtures/guest-tiny.ts',
  litmus: 'test/fixtures/guest-litmus.ts',
  unlisted: 'test/fixtures/guest-unlisted.ts',
  doubtful: 'test/fixtures/guest-doubtful.ts',
})
t.teardown(bundle.remove)
const wrong = (how: string, changes = {}) =>
  runGuest(bundle, instanceOf('wrong', { wrong: 2 }, { params: { how }, jitter: 'off', ...changes }))

t.test('a correct scenario passes, with its work on record', async t => {
  const { status, result, events, stats, failure } = await runGuest(bundle, instanceOf('sum', { adder: 2 }))
  t.equal(status, 0)
  t.equal(result?.verdict, 'pass')
  t.equal(result?.by, 'guest')
  t.ok(result!.rounds >= 2, 'at least two rounds')
  t.ok(result!.counters.additions > 100)
  t.ok(result!.rates.additions > 100)
  t.ok(result!.durationMs >= 450 && result!.durationMs < 60_000, `durationMs ${result!.durationMs}`)
  t.same(Object.keys(result!.nearMisses), ['close by #'])
  t.ok(result!.blindSpots.length >= 2)
  t.throws(failure)
  const types = events.map(event => event.type)
  t.equal(types[0], 'ready')
  t.equal(types.at(-1), 'end')
  t.ok(types.includes('firstWork') && types.includes('stats'))
  t.equal(stats.at(-1)?.counters.additions, result!.counters.additions)
  t.equal(stats.at(-1)?.phase, 'done')
})

t.test('one lost update is found among tiny rounds, for every seed', async t => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    // Measured: 8 in 100 rounds lose an update. If it were 1 in 100, none in 2,000 rounds would have probability 2e-9,
    // and 20 s have more than 100,000 rounds even where the threads share one loaded CPU.
    const changes = { seed, params: { adds: 1 }, durationMs: 20_000 }
    const { status, result, failure } = await runGuest(bundle, instanceOf('lost-update', { adder: 2 }, changes))
    t.equal(status, 1)
    t.equal(result?.verdict, 'fail')
    t.equal(result?.failures[0].oracle, 'check')
    t.match(failure().message, 'no update is lost')
    t.match(failure().stack, /lost-update\.ts:\d+/, "the stack names the user's file")
    t.ok(result!.durationMs < 20_000, 'the guest stops at its first failure')
  }
})

t.test('tiny rounds of a correct scenario pass, each from the pristine image', async t => {
  for (const jitter of ['off', 'high'] as const) {
    const { result } = await runGuest(bundle, instanceOf('tiny', { adder: 2 }, { jitter }))
    t.equal(result?.verdict, 'pass', result?.reason ?? '')
    t.equal(result?.counters.ran, 2 * result!.rounds)
    t.ok(result!.rounds > 0, `${result!.rounds} rounds`)
  }
})

t.test('a failure is kept with its evidence', async t => {
  const { result, failure, evidence, events } = await wrong('oracle')
  t.equal(result?.verdict, 'fail')
  t.match(failure(), {
    oracle: 'TLB',
    message: 'a stale entry',
    details: { page: 3 },
    id: 'wrong.1/failures/1',
    seed: 1,
  })
  t.match(failure().thread, /^wrong\[[01]\]$/)
  t.same(evidence('trace.json').threads, ['wrong[0]', 'wrong[1]'])
  t.equal(events.filter(event => event.type === 'failure').length, 1)
})

t.test('an error thrown in a body keeps its class', async t => {
  const { failure } = await wrong('throw')
  t.match(failure(), { oracle: 'exception', message: /^RangeError: bad luck/ })
})

t.test('a body that throws is a failure although it leaves its peers blocked', async t => {
  const { result } = await wrong('alone', { hangAfterMs: 60_000, durationMs: 60_000 })
  t.equal(result?.verdict, 'fail')
  t.equal(result?.failures.length, 1)
  t.ok(result!.durationMs < 20_000, 'nobody waits for the watchdog')
  const kept = await wrong('alone', { hangAfterMs: 300, keepGoing: true })
  t.equal(kept.result?.verdict, 'fail', 'what was wrong first gives the verdict')
  t.same(
    kept.result!.failures.map(({ oracle }) => oracle),
    ['exception', 'HANG'],
  )
})

t.test('the same failure is kept once, with its count', async t => {
  const { result, status } = await wrong('fail', { keepGoing: true })
  t.equal(status, 1)
  t.equal(result?.failures.length, 1)
  t.match(result?.failures[0], { oracle: 'fail', message: /^number \d+ is wrong/ })
  t.ok(result!.failures[0].count > 1)
  t.ok(result!.durationMs >= 450, 'it went on to the end')
})

t.test('process.exit in a body is a crash', async t => {
  const { result, status, failure } = await wrong('exit')
  t.equal(status, 1)
  t.equal(result?.verdict, 'crash')
  t.match(result?.reason, /wrong\[1\].*status 7/)
  t.equal(failure().oracle, 'CRASH')
})

t.test('an error that no one awaits is a crash', async t => {
  const { result } = await wrong('async-error')
  t.equal(result?.verdict, 'crash')
  t.match(result?.reason, /out of a timer/)
})

t.test('a value that cannot be cloned is a failure', async t => {
  const { result, failure } = await wrong('value')
  t.equal(result?.verdict, 'fail')
  t.match(failure().message, /could not be cloned/)
})

t.test('setup: errors, exits, and what cannot be shared', async t => {
  t.match((await wrong('setup-throws')).failure(), { oracle: 'setup', message: 'no luck in setup' })
  t.equal((await wrong('setup-exits')).result?.verdict, 'crash')
  t.match((await wrong('function')).failure(), { oracle: 'setup', message: /shared\.foo\.bar is a function/ })
  t.match((await wrong('growable')).failure(), { oracle: 'setup', message: /shared\.cells\.buffer is a growable/ })
})

t.test('outcomes are tallied and graded', async t => {
  const { result } = await runGuest(bundle, instanceOf('litmus', { left: 1, right: 1 }, { jitter: 'high' }))
  t.equal(result?.verdict, 'pass')
  const tallied = Object.entries(result!.counters).filter(([name]) => name.startsWith('outcome:'))
  t.equal(
    tallied.reduce((sum, [, n]) => sum + n, 0),
    result!.rounds,
    'one outcome a round',
  )
})

t.test('an outcome that is not listed is a failure, and big values are cloned', async t => {
  const { result, failure } = await runGuest(bundle, instanceOf('unlisted', { one: 1, two: 1 }))
  t.equal(result?.verdict, 'fail')
  t.match(failure(), { oracle: 'outcome', message: 'outcome 0,1,2,3,4,5,6,7,8,9 is not listed' })
})

t.test('inconclusive: the scenario says so, or the window of a bug was never entered', async t => {
  const doubtful = (changes: object) =>
    runGuest(bundle, instanceOf('doubtful', { one: 1 }, { durationMs: 100, ...changes }))
  const said = await doubtful({ params: { says: 'nothing happened:' } })
  t.equal(said.status, 4)
  t.match(said.result, { verdict: 'inconclusive', reason: 'nothing happened: true' })

  const unentered = await doubtful({ params: { says: '' }, bugs: ['guest-bug'], windows: ['never-entered'] })
  t.match(unentered.result, { verdict: 'inconclusive', reason: /never-entered/ })
  t.ok(unentered.result!.counters.broken > 0, 'the bug was switched on')

  const entered = await doubtful({ params: { says: '' }, bugs: ['guest-bug'], windows: ['entered'] })
  t.equal(entered.result?.verdict, 'pass')
  t.ok(entered.result!.sites.entered > 100)
})

t.test('the trace of a failure: what the threads did last, exact within a thread', async t => {
  const changes = { params: { says: '', fails: true }, jitter: 'off' } as const
  const { evidence, result } = await runGuest(bundle, instanceOf('doubtful', { one: 2 }, changes))
  t.equal(result?.verdict, 'fail')
  const { thread } = evidence('failure.json')
  const mine = evidence('trace.json').entries.filter((entry: { thread: string }) => entry.thread === thread)
  t.equal(mine.length, 256)
  const [near, last] = mine.slice(-2)
  t.match(last, { site: 'entered', a: -1 })
  t.type(last.us, 'number')
  t.equal(near.site, 'near miss')
  t.same(
    mine.map((entry: { seq: number }) => entry.seq),
    Array.from({ length: 256 }, (_, i) => last.seq - 255 + i),
  )
  t.equal(mine[0].unordered, true, 'entries of the hot path have no time')
})
