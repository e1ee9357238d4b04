/** The reporters, told a run by hand; a terminal is played by a small model of one. */
import { Writable } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import t from 'tap'
import { createReporter, type ReporterKind } from '../results/reporters/index.ts'
import type { Stream } from '../results/reporters/reporter.ts'
import {
  type GuestEvent,
  type InstanceResult,
  type Interleaving,
  type Plan,
  type RunSummary,
  SCHEMA,
} from '../results/schema.ts'
import { program } from '../results/typed.ts'
import { EXPLORE } from '../torture/plan/explore.ts'
import { failureOf, instanceOf, planOf, resultOf } from './helpers/results.ts'

const DIR = `${process.cwd()}/torture-results/2026.11.20-23.49.00`

class Sink extends Writable {
  text = ''
  isTTY = false
  columns = 80
  rows = 24
  hasColors = () => false
  override _write(chunk: Buffer, _encoding: string, done: () => void) {
    this.text += chunk
    done()
  }
}

const ESC = '\x1b'
const TOKENS = new RegExp(`${ESC}\\[(\\d+)A|${ESC}\\[J|${ESC}\\[\\?25[lh]|\\r|\\n|[^${ESC}\\r\\n]`, 'gu')

/** What a terminal of so many columns shows after this output: enough of one for a view redrawn in place. */
function screen(output: string, columns: number): string[] {
  const lines = ['']
  let [row, column] = [0, 0]
  for (const [token, up] of output.matchAll(TOKENS)) {
    if (up !== undefined) row = Math.max(0, row - Number(up))
    else if (token === '\x1b[J') lines.splice(row, lines.length, lines[row].slice(0, column))
    else if (token === '\r') column = 0
    else if (token === '\n') [row, column] = [row + 1, 0]
    else if (!token.startsWith('\x1b')) {
      if (column === columns) [row, column] = [row + 1, 0]
      lines[row] = (lines[row] ?? '').padEnd(column).slice(0, column) + token + (lines[row] ?? '').slice(column + 1)
      column++
    }
    lines[row] ??= ''
  }
  return lines
}

const stats = (atMs: number, faults: number): GuestEvent => {
  return {
    type: 'stats',
    atMs,
    rounds: 1,
    counters: { faults },
    nearMisses: 2,
    failures: 0,
    cpuMs: atMs,
    phase: 'running',
  }
}

const failed = resultOf('b.1', failureOf('b.1', 'page 3 of mm[1] is stale'))
const failure: GuestEvent = {
  type: 'failure',
  failure: { schema: SCHEMA, ...failed.failures[0], seed: 7, thread: 'faulter[0]', round: 2, atMs: 1200 },
}

interface Told {
  readonly plan?: Partial<Plan>
  readonly results?: readonly InstanceResult[]
  readonly columns?: number
  readonly interleavings?: ReadonlyMap<string, Interleaving>
  /** Called before the end. */
  readonly midway?: (stdout: Sink) => void
}

/** Tells a reporter a run of `a.1` and `b.1`, of which the second fails. */
function tell(
  kind: ReporterKind,
  { plan: more, results = [resultOf('a.1'), failed], columns = 80, interleavings, midway }: Told = {},
) {
  const stdout = new Sink()
  const stderr = new Sink()
  stdout.columns = columns
  stdout.isTTY = kind === 'tty'
  const plan: Plan = { ...planOf(['a.1', 'b.1']), schema: SCHEMA, id: '2026.11.20-23.49.00', ...more }
  const reporter = createReporter(kind, { stdout: stdout as unknown as Stream, stderr: stderr as unknown as Stream })
  reporter.start(plan, DIR)
  for (const instance of plan.instances) reporter.instanceStarted(instance)
  reporter.event('a.1', stats(1000, 1_000_000))
  reporter.event('a.1', stats(2000, 3_000_000))
  reporter.event('b.1', failure)
  midway?.(stdout)
  for (const result of results) reporter.instanceEnded(result, interleavings)
  const summary: RunSummary = {
    schema: SCHEMA,
    id: plan.id,
    argv: plan.argv,
    seed: plan.seed,
    bundle: plan.bundle,
    startedAt: '2026-11-20T23:49:00.000Z',
    finishedAt: '2026-11-20T23:49:12.500Z',
    runner: { pid: 1, host: 'here' },
    verdict: 'fail',
    exitCode: 1,
    instances: [],
  }
  reporter.end(summary, DIR)
  return { stdout: stdout.text, stderr: stderr.text }
}

t.test('plain: start, each failure once, the end, and what to type', async t => {
  const { stdout, stderr } = tell('plain')
  const lines = stdout.split('\n')
  t.match(lines[0], 'torture: 2 instances, at least 20.0 s, seed 42, torture-results/2026.11.20-23.49.00')
  t.match(lines[1], 'start a.1: 3 threads, 10.0 s, seed 7')
  t.equal(lines.filter(line => line.startsWith('FAIL b.1: DATA: page 3 of mm[1] is stale')).length, 1)
  t.ok(lines.includes('✔ a.1  pass after 10.0 s  13.1 M faults (1.31 M/s)'))
  t.match(stdout, /^next {7}torture rerun --failed$/m)
  t.match(stdout, /the evidence is in torture-results\/2026\.11\.20-23\.49\.00\/b\.1\/failures\/1$/m)
  t.equal(stdout, stripVTControlCharacters(stdout), 'no colours in a log')
  t.equal(stderr, '')
})

t.test('the closing summary says what was done and what it is worth', async t => {
  const { stdout } = tell('plain')
  t.match(stdout, '  work     13.1 M faults, 1.31 M/s, 0.10% fell back · 10 rounds · 10.0 s')
  // -ln(0.05) / (18 s / 3600 s)
  t.match(stdout, '  worth    18.0 s of CPU time clean: excludes more than 599 failures per CPU-hour at 95%')
  // 1 in 0.005 h; the exact limits of 1 are 0.0253 and 5.57
  t.match(stdout, '  worth    1 in 18.0 s of CPU time: 200 failures per CPU-hour (5.06 to 1.11 k at 95%)')
  t.match(stdout, '  with     seed 7 · 2 faulters, 1 mapper · jitter low')
  t.match(stdout, '  blind    weak memory: only what this CPU does was seen')
  t.match(stdout, '  DATA     page 3 of mm[1] is stale (3 times)')
  t.match(stdout, 'FAIL       1 passed, 1 failed in 12.5 s · seed 42 · torture-results/2026.11.20-23.49.00')
})

const NEXT: readonly [string, readonly InstanceResult[], RegExp][] = [
  [
    'all passed',
    [resultOf('a.1'), resultOf('b.1')],
    /^next {7}torture rerun --duration 1m\n {11}clean for 1m, it would exclude/m,
  ],
  [
    'one is inconclusive',
    [resultOf('a.1'), resultOf('b.1', { verdict: 'inconclusive', reason: 'never entered' })],
    /^ {2}why {6}never entered$[\s\S]*^next {7}torture rerun --failed --duration 1m$/m,
  ],
  [
    'one is lost',
    [resultOf('a.1'), resultOf('b.1', { verdict: 'lost', reason: 'its host went away' })],
    /^ {2}lost {5}its host went away$[\s\S]*^next {7}torture rerun --failed$/m,
  ],
  ['one was never finished', [resultOf('a.1')], /^… b\.1 {2}never finished$[\s\S]*^next {7}torture rerun$/m],
]
for (const [what, results, wanted] of NEXT) {
  t.test(`what to type next when ${what}`, async t => {
    t.match(tell('plain', { results }).stdout, wanted)
  })
}

t.test('repetitions of a scenario share a paragraph', async t => {
  const plan = planOf([
    instanceOf('a.1', { params: { pages: 8 }, defaults: { pages: 64 } }),
    instanceOf('a.2', { params: { pages: 8 }, defaults: { pages: 64 } }),
    instanceOf('b.1', { bugs: ['early'], windows: ['put'] }),
  ])
  const results = [resultOf('a.1'), resultOf('a.2'), resultOf('b.1', { bugs: ['early'], sites: { put: 31_000 } })]
  const { stdout } = tell('plain', { plan, results })
  t.match(stdout, '✔ 2*a  2 passed\n  work     26.2 M faults, 1.31 M/s each')
  t.match(stdout, '  worth    36.0 s of CPU time clean: excludes more than 300 failures')
  t.match(stdout, 'pages=8 (not 64)')
  t.match(stdout, '  bug      early (its window entered 31.0 k times): not caught')
  t.match(stdout, 'the bug was not caught')
  const [failed] = [resultOf('b.1', { bugs: ['early'], verdict: 'fail', sites: { put: 0, get: 7 } })]
  t.match(
    tell('plain', { plan, results: [resultOf('a.1'), resultOf('a.2'), failed] }).stdout,
    'early (its window entered 0 times): not caught; what failed did so before its window was entered',
  )
})

t.test('json: a line an event, and nothing else on stdout', async t => {
  const lines = tell('json').stdout.trimEnd().split('\n')
  const events = lines.map(line => JSON.parse(line))
  t.same(
    events.map(({ type }) => type),
    ['planned', 'started', 'started', 'stats', 'stats', 'failure', 'ended', 'ended', 'finished'],
  )
  t.match(events[3], { instance: 'a.1', counters: { faults: 1_000_000 } })
  t.same(events[6].result, resultOf('a.1'))
  t.match(events[8], { dir: DIR, summary: { verdict: 'fail', exitCode: 1 } })
})

t.test('tap and junit: the report alone on stdout, nothing on a stderr that nobody watches', async t => {
  t.match(tell('tap').stdout, /^TAP version 14\n1\.\.2\n/)
  t.match(tell('junit').stdout, /^<\?xml /)
  t.equal(tell('tap').stderr + tell('junit').stderr, '')
})

for (const columns of [80, 120, 40]) {
  t.test(`tty: redrawn in place on ${columns} columns`, async t => {
    let shown: string[] = []
    const { stdout } = tell('tty', {
      columns,
      midway: sink => {
        const reporter = sink.text
        shown = screen(reporter, columns)
      },
    })
    t.equal(shown.length, 4, 'two lines of head, one an instance, however often it was drawn')
    t.match(shown[0], /^torture {2}0\/2 ended/)
    t.match(shown[2], /^ {2}a\.1 {2}0:00\/0:10/)
    const lines = screen(stdout, columns)
    t.match(lines[0], /^✔ a\.1 {2}pass after 10\.0 s/)
    t.match(lines[1], /^✖ b\.1 {2}fail after 10\.0 s/)
    t.notMatch(lines.join('\n'), /ended ·|━/, 'nothing of the view is left')
    t.match(lines.join('\n'), 'torture rerun --failed')
    const labelled = lines.filter(line => /^ {2}(work|worth|with|blind|DATA) /.test(line))
    t.ok(labelled.every(line => line.length <= columns))
  })
}

t.test('tty: the cursor is hidden and given back', async t => {
  const { stdout } = tell('tty')
  t.ok(stdout.startsWith('\x1b[?25l'))
  t.equal(stdout.split('\x1b[?25l').length, stdout.split('\x1b[?25h').length)
  t.ok(stdout.lastIndexOf('\x1b[?25h') > stdout.lastIndexOf('\x1b[J'), 'after the last redraw')
})

t.test('tty: the rate is that of the last second', async t => {
  const stdout = new Sink()
  stdout.isTTY = true
  const plan: Plan = { ...planOf(['a.1']), schema: SCHEMA, id: '2026.11.20-23.49.00' }
  const reporter = createReporter('tty', { stdout: stdout as unknown as Stream, stderr: stdout as unknown as Stream })
  reporter.start(plan, DIR)
  reporter.instanceStarted(plan.instances[0])
  reporter.event('a.1', stats(1000, 1_000_000))
  reporter.event('a.1', stats(2000, 3_000_000))
  reporter.instanceStarted({ ...plan.instances[0], name: 'redraws' })
  t.match(screen(stdout.text, 80)[2], /2\.00 M faults\/s {2}2 near {2}0 failures/)
  reporter.end({} as RunSummary, DIR)
})

t.test('tty: where an error ends the run, what is said next begins a line of its own', async t => {
  const stdout = new Sink()
  stdout.isTTY = true
  const plan: Plan = { ...planOf(['a.1']), schema: SCHEMA, id: '2026.11.20-23.49.00' }
  const reporter = createReporter('tty', { stdout: stdout as unknown as Stream, stderr: stdout as unknown as Stream })
  reporter.start(plan, DIR)
  reporter.instanceStarted(plan.instances[0])
  reporter.stop?.()
  reporter.stop?.()
  t.same(screen(stdout.text, 80), [''])
  t.ok(stdout.text.endsWith('\x1b[?25h'))
})

/** A search by two guests, as told by `more`. */
function search(...results: readonly Partial<InstanceResult>[]) {
  const exploration = {
    executions: 4000,
    strategies: [
      { name: 'random', executions: 1000, failures: 0 },
      { name: 'pct', executions: 3000, failures: 1 },
    ],
    threads: 2,
    longest: 41,
    choices: 30,
    excluded: ['bugs of depth 2 with 99.7%'],
    newPerThousand: 12,
    focus: ['all'],
    uncontrolled: [],
    cutOff: 0,
  }
  const names = results.map((_, n) => `q.${n + 1}`)
  const plan = planOf(
    names.map(name => instanceOf(name, { mode: 'explore', explore: EXPLORE, file: `${process.cwd()}/my queue.ts` })),
  )
  const told = results.map((more, n) =>
    resultOf(names[n], { rounds: 4000, counters: {}, ...more, exploration: { ...exploration, ...more.exploration } }),
  )
  return tell('plain', { plan, results: told }).stdout
}

t.test('a search that found nothing says what that is worth', async t => {
  const stdout = search({}, {})
  t.match(stdout, /^torture: 2 instances, at most/)
  t.match(stdout, '✔ q.1  pass after 10.0 s  4.00 k executions (400/s)')
  t.match(stdout, '✔ 2*q  nothing found in 8.00 k executions\n  work     8.00 k executions, 400/s each · 10.0 s each')
  t.match(stdout, '  tried    random 2.00 k, pct 6.00 k · 2 threads · longest 41 steps, 30 of them choices')
  t.match(stdout, '  worth    bugs of depth 2 with 99.7%')
  t.match(stdout, '  new      about 12 of a thousand')
  t.match(stdout, /^next {7}torture rerun --duration 1m --seed new$/m)
  const nothing = search({ exploration: { excluded: [] } as never })
  t.match(nothing, '  worth    no failure in 4.00 k executions: nothing is excluded')
})

t.test('a search that explored everything has proved it, and for its siblings too', async t => {
  const certificate = 'all 12 classes, ops 4'
  const stopped = { verdict: 'skipped' as const, reason: 'q.1 had explored everything', durationMs: 0, rounds: 0 }
  const stdout = search({ exploration: { certificate } as never }, stopped)
  t.match(stdout, '✔ 2*q  nothing found, and nothing left to explore within the bounds')
  t.match(stdout, '  proof    all 12 classes, ops 4')
  t.notMatch(stdout, /worth|new |skipped {2}/)
  t.match(stdout, "next       torture run './my queue.ts'")
})

t.test('a search that says nothing says why, and what else could be done', async t => {
  const idle = { verdict: 'inconclusive' as const, reason: 'nothing was contended' }
  const stdout = search(idle)
  t.match(stdout, '  why      nothing was contended')
  t.notMatch(stdout, /worth/)
  t.match(stdout, "next       torture explore './my queue.ts' --ops 16")
  const brief = search({ ...idle, exploration: { uncontrolled: [], focus: [], asksMore: false } as never })
  t.match(brief, "next       torture run './my queue.ts'", 'where no body calls more()')
  const loose = search({ ...idle, exploration: { uncontrolled: ['wasm'], cutOff: 3, focus: ['a', 'b'] } as never })
  t.match(loose, '  loose    wasm')
  t.match(loose, '  cut off  3 executions given up')
  const looser = search({ ...idle, exploration: { uncontrolled: ['wasm', 'x', 'y'], focus: [] } as never })
  t.match(looser, '  loose    wasm; and in 2 further ways\n')
  t.match(loose, '  focus    a, b\n')
  const cells = [...Array.from({ length: 40 }, (_, n) => `c${n}`), 'and 60 more']
  t.match(
    search({ exploration: { focus: cells } as never }),
    '  focus    c0, c1, c2, c3, c4, c5, c6, c7 and 92 further cells\n',
  )
  t.match(loose, "next       torture run './my queue.ts'")
})

t.test('a failure of a search has its line, its schedule, and the command that repeats it', async t => {
  const found = failureOf('q.1', 'no update is lost', 'check')
  const [failure] = found.failures!
  const more = { at: `${process.cwd()}/queue.ts:41:12`, schedule: 'a3b4a', found: { strategy: 'pct', executions: 12 } }
  const stdout = search({ ...found, failures: [{ ...failure, ...more }] })
  t.match(stdout, '✖ q.1  fail after 10.0 s  check: no update is lost at queue.ts:41:12')
  t.match(stdout, '           queue.ts:41:12\n           schedule a3b4a\n           found by pct after 12 executions\n')
  t.match(stdout, /^next {7}torture replay q\.1\/failures\/1 --trace$/m)
  const long = search({ ...found, failures: [{ ...failure, ...more, schedule: 'ab'.repeat(200) }] })
  t.notMatch(long, /schedule/, 'one that is too long to paste is in its file')
})

t.test('a message of 4,000 letters is not for a console, which says where all of it is', async t => {
  const found = failureOf('q.1', `the list is wrong: ${'x '.repeat(2000)}`, 'check')
  const stdout = search(found)
  const longest = Math.max(...stdout.split('\n').map(line => line.length))
  t.ok(longest < 700, `${longest} letters`)
  t.match(
    stdout,
    /^✖ q\.1 .*check: the list is wrong: .*… \(3\.52 k letters more in q\.1\/failures\/1\/failure\.json\)/m,
  )
  t.match(stdout, /^ {2}check +the list is wrong: .*… \(3\.52 k letters more in /m)
})

t.test('a short interleaving is drawn with its failure, once for all guests that found the same', async t => {
  const steps = (n: number) =>
    Array.from({ length: n }, (_, step) => ({ step, thread: step % 2, op: 'load', cell: `c[${step}]`, read: '0' }))
  const told = (drawn: ReturnType<typeof steps>) => {
    const interleaving: Interleaving = {
      schema: SCHEMA,
      schedule: 'ab',
      threads: ['a[0]', 'b[0]'],
      steps: drawn,
      ending: ['lost'],
    }
    const names = ['q.1', 'q.2']
    const plan = planOf(names.map(name => instanceOf(name, { mode: 'explore' })))
    const results = names.map(name => resultOf(name, failureOf(name, 'no update is lost: 1')))
    const interleavings = new Map(names.map(name => [`${name}/failures/1`, interleaving]))
    return tell('plain', { plan, results, interleavings }).stdout
  }
  t.equal(told(steps(3)).split('load c[0]').length - 1, 1)
  t.notMatch(told(steps(61)), 'load c[0]')
  const loop = Array.from({ length: 500 }, (_, step) => ({ step, thread: 0, op: 'load', cell: 'c[0]', read: '0' }))
  t.match(told(loop), 'load c[0]', 'a loop is drawn once, and short')
})

t.test('what was started by npx is told so', async t => {
  t.equal(program({ npm_lifecycle_event: 'npx', npm_lifecycle_script: "'torture'" }), 'npx torture')
  t.equal(program({ npm_lifecycle_event: 'npx', npm_lifecycle_script: 'tap' }), 'torture')
  t.equal(program({ npm_lifecycle_event: 'test', npm_lifecycle_script: 'torture' }), 'torture')
  t.equal(program({}), 'torture')
})
