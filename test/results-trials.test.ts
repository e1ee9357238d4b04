/** What `torture bugs` makes of tries and controls. */
import t from 'tap'
import { closingLines } from '../results/reporters/closing.ts'
import { plainPalette } from '../results/reporters/palette.ts'
import type { InstanceResult, PlannedInstance } from '../results/schema.ts'
import { answerOf, bugRow, bugRows, standings, timed } from '../results/trials.ts'
import { instanceOf, planOf, resultOf, storeRun } from './helpers/results.ts'

const trial = { bug: 'early', hardness: 'E', oracles: ['CNT', 'DATA'] } as const

const tried = (name: string, more: Partial<PlannedInstance> = {}) =>
  instanceOf(name, { scenario: 'rcu', bugs: ['early'], windows: ['door'], trial, ...more })
const control = (name: string, of: string, more: Partial<PlannedInstance> = {}) =>
  instanceOf(name, { scenario: 'rcu', durationMs: 1000, trial: { ...trial, control: of }, ...more })

/** The result of a try: what spoke when, after the window was entered so often. */
function spoke(name: string, oracle: string, atMs: number, door = 3): InstanceResult {
  const id = `${name}/failures/1`
  const failure = { id, oracle, message: 'it broke', count: 1, atMs, path: id }
  return resultOf(name, { verdict: oracle === 'HANG' ? 'hang' : 'fail', sites: { door }, failures: [failure] })
}
const silent = (name: string, door = 3) => resultOf(name, { sites: { door } })

const byName = (...results: InstanceResult[]) => new Map(results.map(result => [result.name, result]))

t.test('a try passes when an oracle that the bug names speaks first, after its window', t => {
  const instance = tried('early.1')
  const answer = (result: InstanceResult) => answerOf(instance, result)
  t.same(answer(spoke('early.1', 'CNT', 12)), {
    verdict: 'pass',
    text: 'caught by CNT after 12 ms, its window entered 3 times',
  })
  t.match(answer(spoke('early.1', 'PT', 12)), { verdict: 'fail', text: /^PT after 12 ms, which the bug does not name/ })
  t.match(answer(spoke('early.1', 'CNT', 12, 0)), { verdict: 'fail', text: /its window was never entered$/ })
  t.match(answer(silent('early.1')), { verdict: 'fail', text: 'not caught in 10.0 s, its window entered 3 times' })
  t.match(answer(resultOf('early.1', { verdict: 'crash', reason: 'killed' })), { verdict: 'fail', text: /killed/ })
  t.match(answer(resultOf('early.1', { verdict: 'lost', reason: 'no Node' })), { verdict: 'lost', text: 'no Node' })

  const later = spoke('early.1', 'CNT', 50)
  const two = { ...later, failures: [...later.failures, ...spoke('early.1', 'PT', 20).failures] }
  t.match(answer(two), { verdict: 'fail', text: /^PT after 20 ms/ }, 'the first one counts')
  t.end()
})

t.test('a control passes when nothing speaks', t => {
  const instance = control('early.clean.1', 'early.1')
  const answer = (more: Partial<InstanceResult>) => answerOf(instance, resultOf(instance.name, more))
  t.match(answer({}), { verdict: 'pass', text: 'clean for 10.0 s without the bug' })
  t.match(answer({ verdict: 'inconclusive', reason: 'all fell back' }), { verdict: 'pass' }, 'silence is all we want')
  t.match(answer({ verdict: 'inconclusive', rounds: 0 }), { verdict: 'inconclusive' })
  t.match(answer(spoke(instance.name, 'CNT', 4)), {
    verdict: 'fail',
    text: /^false alarm without the bug: CNT: it broke/,
  })
  t.match(answer(spoke(instance.name, 'HANG', 4)), { verdict: 'hang' })
  t.end()
})

t.test('a control lasts as long as its try took, and not less than planned', t => {
  const instance = control('early.clean.1', 'early.1')
  const after = (...results: InstanceResult[]) => timed(instance, byName(...results)).durationMs
  t.equal(after(spoke('early.1', 'CNT', 5200)), 5200)
  t.equal(after(spoke('early.1', 'CNT', 12)), 1000)
  t.equal(after(silent('early.1')), 1000)
  t.equal(after(), 1000)
  t.equal(timed(tried('early.1'), byName(spoke('early.1', 'CNT', 50_000))).durationMs, 10_000)
  t.end()
})

t.test('the table: caught by what, how soon, how often the window was entered', t => {
  const instances = [tried('early.1'), tried('early.2'), tried('early.3'), control('early.clean.1', 'early.1')]
  const results = byName(
    spoke('early.1', 'CNT', 10, 1),
    spoke('early.2', 'CNT', 40, 5),
    spoke('early.3', 'DATA', 20, 7),
    resultOf('early.clean.1'),
  )
  t.same(bugRows({ instances }, results), [
    {
      bug: 'early',
      hardness: 'E',
      scenario: 'rcu',
      mode: 'stress',
      verdict: 'caught',
      tries: 3,
      caught: 3,
      oracles: { CNT: 2, DATA: 1 },
      others: {},
      medianMs: 20,
      worstMs: 40,
      windows: 5,
      controls: 1,
      clean: 1,
      problems: [],
    },
  ])
  const row = (...changed: InstanceResult[]) => bugRows({ instances }, new Map([...results, ...byName(...changed)]))[0]
  t.match(row(silent('early.2')), { verdict: 'escaped', caught: 2, worstMs: 20, problems: [{ instance: 'early.2' }] })
  t.match(row(spoke('early.2', 'PT', 1)), { verdict: 'escaped', others: { PT: 1 }, oracles: { CNT: 1, DATA: 1 } })
  t.match(row(spoke('early.clean.1', 'CNT', 1)), { verdict: 'false alarm', caught: 3, clean: 0 })
  t.match(row(resultOf('early.3', { verdict: 'skipped' })), { verdict: 'caught', tries: 2 })
  t.match(bugRows({ instances }, new Map())[0], { verdict: 'not tried', tries: 0, medianMs: null, windows: null })
  t.match(bugRow({ bug: 'x', hardness: 'X', scenario: 'rcu', mode: 'explore' }, [], results), { verdict: 'not tried' })
  t.end()
})

t.test('of several searches for one bug one is enough; stress has to catch it every time', t => {
  const instances = (mode: 'stress' | 'explore') => [tried('early.1', { mode }), tried('early.2', { mode })]
  const results = byName(spoke('early.1', 'CNT', 10), silent('early.2'))
  const verdicts = (mode: 'stress' | 'explore') => [...standings({ instances: instances(mode) }, results).values()]
  t.same(verdicts('explore'), ['pass', 'skipped'])
  t.same(verdicts('stress'), ['pass', 'fail'])
  t.match(bugRows({ instances: instances('explore') }, results), [{ verdict: 'caught', caught: 1, problems: [] }])
  const none = byName(silent('early.1'), silent('early.2'))
  t.same([...standings({ instances: instances('explore') }, none).values()], ['fail', 'fail'])
  t.match(bugRows({ instances: instances('explore') }, none), [{ verdict: 'escaped', caught: 0 }])
  t.end()
})

t.test('what is not on trial counts as what it is', t => {
  const results = byName(resultOf('a.1'), resultOf('a.2', { verdict: 'hang' }))
  const counted = standings({ instances: [instanceOf('a.1'), instanceOf('a.2'), instanceOf('a.3')] }, results)
  t.same(
    [...counted],
    [
      ['a.1', 'pass'],
      ['a.2', 'hang'],
    ],
  )
  t.end()
})

t.test('the table as text names what escaped and what was a false alarm', t => {
  const other = { ...trial, bug: 'late', hardness: 'D' } as const
  const instances = [
    tried('early.1'),
    control('early.clean.1', 'early.1'),
    tried('late.1', { trial: other }),
    control('late.clean.1', 'late.1', { trial: { ...other, control: 'late.1' } }),
  ]
  const results = [
    spoke('early.1', 'CNT', 1234),
    resultOf('early.clean.1'),
    spoke('late.1', 'PT', 8),
    spoke('late.clean.1', 'GEN', 4),
  ]
  const { run, summary } = storeRun(t.testdir(), planOf(instances, { command: 'bugs' }), results)
  const ended = {
    plan: run.plan,
    summary,
    results: byName(...results),
    interleavings: new Map(),
    dir: run.dir,
    last: true,
  }
  const lines = closingLines(ended, { columns: 200, paint: plainPalette })
  t.match(lines[0], /^ +bug +hard +in +caught +clean +by +median +worst +windows$/)
  t.match(lines[1], /^✔ {2}early +E +rcu +1\/1 +1\/1 +CNT +1\.23 s +1\.23 s +3$/)
  t.match(lines[2], /^✖ {2}late +D +rcu +0\/1 +0\/1 +\(PT\) +– +– +3$/)
  t.match(lines.join('\n'), /✖ +late\.1, seed 7: PT after 8 ms, which the bug does not name/)
  t.match(lines.join('\n'), /✖ +late\.clean\.1, seed 7: false alarm without the bug: GEN/)
  t.match(lines.join('\n'), /1 of 2 bugs caught, 1 false alarm/)
  t.match(lines.join('\n'), /next +torture rerun --failed --seed new/)
  t.end()
})
