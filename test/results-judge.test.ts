import { spawnSync } from 'node:child_process'
import t from 'tap'
import { combine, type Evidence, type GuestExit, judge } from '../results/judge.ts'
import { failureOf, instanceOf, resultOf } from './helpers/results.ts'

const instance = instanceOf('a.1')
const judged = (exit: GuestExit, evidence: Evidence = {}) => {
  const { verdict, reason, by } = judge(instance, exit, evidence)
  return { verdict, reason, by }
}

t.test('only its own end record lets a guest pass', async t => {
  const record = resultOf('a.1')
  t.same(judge(instance, { code: 0 }, { record }), record)
  t.match(judged({ code: 0 }), { verdict: 'crash', by: 'judge', reason: /exited with 0 before its end record/ })
  t.match(judged({ code: 0 }, { record: resultOf('a.2') }), { verdict: 'crash' }, 'that of another instance does not')
  t.match(judged({ code: 0 }, { record: { ...record, seed: 8 } }), { verdict: 'crash' }, 'nor that of another seed')
  t.match(judged({ code: 0 }, { problem: 'verdict.json is damaged: not JSON' }), {
    verdict: 'crash',
    reason: /damaged/,
  })
})

t.test('a guest that dies after it said "pass" has not passed', async t => {
  const record = resultOf('a.1')
  t.match(judged({ signal: 'SIGSEGV' }, { record }), { verdict: 'crash', by: 'judge', reason: /SIGSEGV after/ })
  t.match(judged({ code: 1 }, { record }), { verdict: 'crash', reason: /exited with 1 after/ })
  t.match(judged({ signal: 'SIGKILL', timedOut: true }, { record }), { verdict: 'crash', reason: /did not end/ })
  const failed = resultOf('a.1', failureOf('a.1', 'lost'))
  t.match(
    judged({ signal: 'SIGSEGV' }, { record: failed }),
    { verdict: 'fail', by: 'guest' },
    'a finding stays a finding',
  )
})

t.test('a guest that found its work inconclusive says so by its exit status', async t => {
  const record = { ...resultOf('a.1'), verdict: 'inconclusive' as const, reason: 'the fallback was not tested' }
  t.same(judge(instance, { code: 4 }, { record }), record)
  t.match(judged({ code: 1 }, { record }), { verdict: 'crash', reason: /exited with 1 after/ })
})

t.test('what happened otherwise, in one line', async t => {
  t.match(judged({ lost: 'lab-a: connection\nreset' }), { verdict: 'lost', reason: 'lab-a: connection reset' })
  t.match(judged({ startError: 'spawn ENOENT' }), { verdict: 'lost', reason: /could not be started: spawn ENOENT/ })
  t.match(judged({ signal: 'SIGKILL', timedOut: true }), { verdict: 'hang', reason: /stopped answering/ })
  t.match(judged({ signal: 'SIGSEGV' }), { verdict: 'crash', reason: 'killed by SIGSEGV' })
  t.match(judged({ signal: 'SIGKILL' }), { verdict: 'crash', reason: /^killed by SIGKILL: by hand, or/ })
  t.match(judged({ code: 7 }), { verdict: 'crash', reason: 'exited with 7' })
  const failures = failureOf('a.1', 'page 3 is stale').failures!
  t.match(judged({ signal: 'SIGSEGV' }, { failures }), {
    verdict: 'fail',
    reason: /^DATA: page 3 is stale; the guest ended/,
  })
})

t.test('the last lines that a person wrote are quoted, not the stack', async t => {
  const console = [
    'starting',
    '\x1b[31mabout to divide\x1b[0m',
    'file:///x/y.js:3',
    'throw new Error("boom")',
    '^',
    'Error: boom',
    '    at file:///x/y.js:3:7',
    '    at node:internal/x',
    '',
    'Node.js v20.20.2',
  ].join('\n')
  const { reason } = judged({ code: 1 }, { console })
  t.equal(reason, 'exited with 1; it last said: file:///x/y.js:3 | throw new Error("boom") | Error: boom')
  t.ok(judged({ code: 1 }, { console: 'x'.repeat(10_000) }).reason!.length < 300)
})

t.test('the work that was done is not lost with the guest', async t => {
  const stats = { rounds: 3, counters: { faults: 1000 }, cpuMs: 1500 }
  const result = judge(instance, { signal: 'SIGSEGV' }, { stats, elapsedMs: 2000, host: 'lab-a' })
  t.match(result, { rounds: 3, cpuMs: 1500, durationMs: 2000, host: 'lab-a', rates: { faults: 500 }, seed: 7 })
})

t.test('memory that ran out is told from other ends', async t => {
  const words = [
    'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
    'FATAL ERROR: Zone Allocation failed - process out of memory',
    'RangeError: Array buffer allocation failed',
    "terminate called after throwing an instance of 'std::bad_alloc'",
    'Error [ERR_WORKER_OUT_OF_MEMORY]: Worker terminated due to reaching memory limit',
  ]
  for (const console of words) {
    const { verdict, reason } = judged({ signal: 'SIGABRT' }, { console })
    t.match({ verdict, reason }, { verdict: 'crash', reason: 'out of memory (--max-memory 2048MiB): SIGABRT' }, console)
  }
  t.match(judged({ signal: 'SIGABRT' }), { reason: /^out of memory/ }, 'nothing said, under a limit')
  const unlimited = judge(instanceOf('a.1', { maxMemory: 0 }), { signal: 'SIGABRT' }, {})
  t.equal(unlimited.reason, 'killed by SIGABRT', 'nothing said, no limit')
})

t.test('so says a real Node whose heap is full', async t => {
  const code = 'const all = []; for (;;) all.push(new Array(1e5).fill(Math.random()))'
  const { status, signal, stderr } = spawnSync(process.execPath, ['--max-old-space-size=20', '-e', code])
  const exit = { ...(status !== null && { code: status }), ...(signal !== null && { signal }) }
  t.match(judged(exit, { console: String(stderr) }), { verdict: 'crash', reason: /^out of memory/ })
})

t.test('the worst verdict is that of the run: 1, 3, 4, 0', async t => {
  t.same(combine(['pass', 'pass']), { verdict: 'pass', exitCode: 0 })
  t.same(combine(['pass', 'skipped']), { verdict: 'pass', exitCode: 0 })
  t.same(combine(['pass', 'inconclusive']), { verdict: 'inconclusive', exitCode: 4 })
  t.same(combine(['inconclusive', 'lost', 'pass']), { verdict: 'lost', exitCode: 3 })
  t.same(combine(['lost', 'crash']), { verdict: 'crash', exitCode: 1 })
  t.same(combine(['lost', 'hang', 'pass']), { verdict: 'hang', exitCode: 1 })
  t.same(combine(['crash', 'fail', 'hang']), { verdict: 'fail', exitCode: 1 })
})

t.test('nothing that passed is no pass', async t => {
  t.same(combine([]), { verdict: 'inconclusive', exitCode: 4 })
  t.same(combine(['skipped']), { verdict: 'skipped', exitCode: 4 })
  t.same(combine(['pass'], 1), { verdict: 'inconclusive', exitCode: 4 }, 'one was never finished')
  t.same(combine(['fail'], 1), { verdict: 'fail', exitCode: 1 })
})
