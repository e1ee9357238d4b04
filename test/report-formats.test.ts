/** TAP and JUnit, read back by strict parsers of others. */
import { stripVTControlCharacters } from 'node:util'
import { SaxesParser } from 'saxes'
import t from 'tap'
import { Parser } from 'tap-parser'
import { parse as parseYaml } from 'yaml'
import { junit } from '../results/reporters/junit.ts'
import type { EndedRun } from '../results/reporters/reporter.ts'
import { tap } from '../results/reporters/tap.ts'
import type { InstanceResult } from '../results/schema.ts'
import { failureOf, planOf, resultOf, storeRun } from './helpers/results.ts'

const NASTY =
  'a <b> & "c" \'d\' ]]> # not a \\directive # SKIP \x00\x1b[31mred\x1b[0m\ttab\nnot ok 7 - line \ud800 😀 \u2028 \ufffe %'

const RESULTS: readonly InstanceResult[] = [
  resultOf('a.1'),
  resultOf('a.2', failureOf('a.2', NASTY)),
  resultOf('a.3', { verdict: 'hang', by: 'judge', reason: 'no progress for 5 s' }),
  resultOf('b.1', { verdict: 'lost', by: 'judge', reason: NASTY }),
  resultOf('b.2', { verdict: 'inconclusive', reason: 'the window was never entered' }),
  resultOf('b.3', { verdict: 'skipped', reason: 'ended by SIGINT # early' }),
]
const NAMES = [...RESULTS.map(({ name }) => name), 'c.1']

function ended(root: string): EndedRun {
  const plan = planOf(NAMES)
  const { run, summary } = storeRun(root, plan, RESULTS)
  const results = new Map(RESULTS.map(r => [r.name, r]))
  return { plan: run.plan, summary, results, interleavings: new Map(), dir: run.dir, last: true }
}

t.test('TAP: a test point an instance, planned ahead', async t => {
  const text = tap(ended(t.testdir()))
  const results = Parser.parse(text, { strict: true })
  const points = results.filter(([type]) => type === 'assert').map(([, point]) => point as Record<string, any>)
  t.match(results[0], ['version', 14])
  t.match(results[1], ['plan', { start: 1, end: 7 }])
  t.same(
    results.filter(([type]) => type === 'extra' || type === 'bailout'),
    [],
    'nothing in it that is not TAP',
  )
  t.match(
    results.find(([type]) => type === 'complete'),
    ['complete', { count: 7, pass: 2, fail: 5, skip: 1 }],
  )
  t.same(
    points.map(({ ok }) => ok),
    [true, false, false, false, false, true, false],
  )
  t.equal(points[0].name, 'a.1')
  t.match(points[2], { name: 'a.3 hang: no progress for 5 s' })
  t.match(points[5], { name: 'b.3', skip: 'ended by SIGINT # early' })
  t.equal(points[6].name, 'c.1 never finished')
})

t.test('TAP: what a failure said stays in its line', async t => {
  const text = tap(ended(t.testdir()))
  const [line] = text.split('\n').filter(line => /^not ok 2/.test(line))
  t.match(line, '# SKIP'.replace('#', '\\#'), 'a hash is escaped')
  t.notMatch(line, /\p{Cc}/u)
  t.equal(text.split('\n').filter(line => /^(not )?ok /.test(line)).length, 7)
})

t.test('TAP: the numbers are YAML', async t => {
  const blocks = [...tap(ended(t.testdir())).matchAll(/^ {2}---\n([\s\S]*?)\n {2}\.\.\.$/gm)].map(([, block]) =>
    parseYaml(block),
  )
  t.equal(blocks.length, 6)
  t.match(blocks[0], { verdict: 'pass', seed: 7, counters: { faults: 13_100_000 }, params: { pages: 64 } })
  t.equal(blocks[1].failures[0].message.replace(/\ud800|\ufffd/, ''), NASTY.replace('\ud800', ''))
})

interface Element {
  readonly name: string
  readonly attributes: Record<string, string>
  readonly children: Element[]
  text: string
}

function parseXml(xml: string): Element {
  const root: Element = { name: '', attributes: {}, children: [], text: '' }
  const open = [root]
  const parser = new SaxesParser()
  parser.on('error', error => {
    throw error
  })
  parser.on('opentag', ({ name, attributes }) => {
    const element = { name, attributes: attributes as Record<string, string>, children: [], text: '' }
    open.at(-1)!.children.push(element)
    open.push(element)
  })
  parser.on('text', text => {
    open.at(-1)!.text += text
  })
  parser.on('closetag', () => {
    open.pop()
  })
  parser.write(xml).close()
  return root.children[0]
}

t.test('JUnit: a suite a scenario, a case an instance', async t => {
  const suites = parseXml(junit(ended(t.testdir())))
  t.equal(suites.name, 'testsuites')
  t.match(suites.attributes, { tests: '7', failures: '2', errors: '3', skipped: '1', time: '60.000' })
  t.same(
    suites.children.map(({ attributes: { name, tests, failures, errors, skipped } }) => {
      return [name, tests, failures, errors, skipped]
    }),
    [
      ['a', '3', '2', '0', '0'],
      ['b', '3', '0', '2', '1'],
      ['c', '1', '0', '1', '0'],
    ],
  )
  t.match(suites.children[0].attributes.timestamp, /^2026-11-20T23:49:00$/)
  const cases = suites.children.flatMap(suite => suite.children).filter(({ name }) => name === 'testcase')
  t.same(
    cases.map(({ children }) => children.map(({ name }) => name)),
    [
      ['system-out'],
      ['failure', 'system-out'],
      ['failure', 'system-out'],
      ['error', 'system-out'],
      ['error', 'system-out'],
      ['skipped', 'system-out'],
      ['error'],
    ],
  )
  t.match(cases[2].children[0].attributes, { type: 'hang', message: 'no progress for 5 s' })
  t.match(cases[6].children[0].attributes, { type: 'unfinished', message: /never finished/ })
})

t.test('JUnit: nasty text arrives, but for what XML cannot hold', async t => {
  const suites = parseXml(junit(ended(t.testdir())))
  const failure = suites.children[0].children.filter(({ name }) => name === 'testcase')[1].children[0]
  const held = stripVTControlCharacters(NASTY).replaceAll(/[\0\ufffe\ud800](?![\udc00-\udfff])/g, '\ufffd')
  t.equal(failure.attributes.message, held)
  t.match(failure.attributes, { type: 'DATA' })
  t.ok(failure.text.includes(held))
})

t.test('a failure with a schedule carries it, and the command that repeats it', async t => {
  const found = failureOf('a.1', 'no update is lost')
  const failures = [{ ...found.failures![0], at: '/home/ann/queue.ts:41:12', schedule: 'a3b4a' }]
  const plan = planOf(['a.1'])
  const result = resultOf('a.1', { ...found, failures })
  const { run, summary } = storeRun(t.testdir(), plan, [result])
  const results = new Map([['a.1', result]])
  const over = { plan: run.plan, summary, results, interleavings: new Map(), dir: run.dir, last: false }
  const [, block] = /^ {2}---\n([\s\S]*?)\n {2}\.\.\.$/m.exec(tap(over))!
  const replay = `torture replay ${run.id}/a.1/failures/1`
  t.match(parseYaml(block).failures[0], { schedule: 'a3b4a', replay, at: '/home/ann/queue.ts:41:12' })
  const cases = parseXml(junit(over)).children[0].children.flatMap(({ children }) => children)
  const failure = cases.find(({ name }) => name === 'failure')!
  t.match(failure.text, `queue.ts:41:12\n  schedule a3b4a\n  ${replay}`)
})
