import t from 'tap'
import { bundleGuest, instanceOf, runGuest } from './helpers/guest.ts'

const bundle = await bundleGuest({ stuck: 'test/fixtures/guest-stuck.ts' })
t.teardown(bundle.remove)
const stuck = (how: string, threads = 2, jitter: 'low' | 'high' = 'low') =>
  runGuest(
    bundle,
    instanceOf('stuck', { stuck: threads }, { params: { how }, jitter, hangAfterMs: 800, durationMs: 400 }),
  )

t.test('threads that wait for ever: the awaited words are named, the stacks are there', async t => {
  const { status, result, failure, evidence } = await stuck('wait', 3)
  t.equal(status, 1)
  t.equal(result?.verdict, 'hang')
  t.equal(failure().oracle, 'HANG')
  t.match(failure().message, 'waiting for ring.slots[5] (still 0)')
  t.match(failure().message, 'waiting for lock[1].queue (still 0)')
  const { threads, cells } = evidence('hang.json')
  t.match(threads[0], {
    thread: 'stuck[0]',
    state: 'running',
    activity: 'asleep',
    stuck: true,
    awaited: { cell: 'ring.slots[5]', expected: 0, value: 0, besides: [] },
  })
  t.same(threads[1].awaited.besides, ['stuck[2]'], 'who waits for the same word')
  t.ok(threads[0].forMs >= 800)
  t.ok(
    threads[0].stack.some((frame: string) => /^waitForEver \(.*guest-stuck\.ts:\d+:\d+\)$/.test(frame)),
    'the stack is in terms of the sources',
  )
  t.same(cells, [])
  t.same(evidence('trace.json').threads, ['stuck[0]', 'stuck[1]', 'stuck[2]'])
})

t.test('threads that spin for ever: the words that they look at are named', async t => {
  const { result, evidence, failure } = await stuck('spin')
  t.equal(result?.verdict, 'hang')
  t.match(failure().message, /stuck\[1\] running, spinning for \d\.\d s on ring\.slots\[7\] \(is 0\)/)
  const { threads } = evidence('hang.json')
  t.equal(threads[0].activity, 'spinning')
  t.same(threads[0].spins, [{ name: 'ring.slots[7]', value: 0 }])
  t.ok(threads[0].stack.some((frame: string) => frame.startsWith('spinForEver (')))
  const { lines } = failure().details as { readonly lines: readonly string[] }
  t.match(lines[0], /^stuck\[0\] {2}spinForEver \S*guest-stuck\.ts:\d+:\d+ ← run \S+:\d+:\d+$/)
})

t.test('captured operations are seen where they are the delaying ones', async t => {
  const { evidence } = await stuck('captured', 2, 'high')
  t.same(evidence('hang.json').threads[0].spins, [{ name: 'ring.slots[9]', value: 0 }])
})

t.test('threads that await what never comes', async t => {
  const { failure, evidence } = await stuck('async')
  const what = 'awaiting a promise for \\d\\.\\d s, its event loop idle, waiting for ring\\.slots\\[6\\] \\(still 0\\)'
  t.match(failure().message, new RegExp(`stuck\\[0\\] running, ${what}`))
  t.same(evidence('hang.json').threads[1].awaited.besides, ['stuck[0]'])
})

t.test('a thread that awaits is told from one that spins, on what the event loop says', async t => {
  const never = await stuck('never', 1, 'high')
  t.match(never.failure().message, /^stuck\[0\] running, awaiting a promise for \d\.\d s, its event loop idle$/)
  const { lines } = never.failure().details as { readonly lines: readonly string[] }
  t.match(lines[0], 'stuck[0]  awaits a promise: nothing of it is on the stack')
  const polls = await stuck('polls', 1)
  t.match(polls.failure().message, /^stuck\[0\] running, awaiting a promise for \d\.\d s, its event loop busy/)
  const late = await stuck('late', 1)
  t.match(late.failure().message, /^stuck\[0\] running, spinning for \d\.\d s on ring\.slots\[7\] \(is 0\)$/)
})

t.test('a thread blocked when all others have returned', async t => {
  const { result, evidence, failure } = await stuck('last')
  t.equal(result?.verdict, 'hang')
  t.match(evidence('hang.json').threads, [
    { stuck: true, returned: false },
    { stuck: false, returned: true, state: 'waiting' },
  ])
  const { lines } = failure().details as { readonly lines: readonly string[] }
  t.match(lines[1], /^stuck\[1\] {2}has returned$/)
})

t.test('an endless setup', async t => {
  const { result, failure, wallMs } = await stuck('setup')
  t.equal(result?.verdict, 'hang')
  t.match(failure().message, /stuck\[0\] setup, spinning/)
  t.ok(wallMs > 5000, 'setup has at least five seconds')
})
