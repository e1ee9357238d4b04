/** JUnit XML: a suite a scenario, a case an instance. */
import { stripVTControlCharacters } from 'node:util'
import type { Bridge, InstanceResult, PlannedInstance, Verdict } from '../schema.ts'
import { answerOf, standings } from '../trials.ts'
import { replayCommand } from '../typed.ts'
import type { EndedRun } from './reporter.ts'

/** A failure is what the scenario is to blame for; an error, that there is no answer: absence of success is no pass. */
const KIND = {
  pass: undefined,
  fail: 'failure',
  hang: 'failure',
  crash: 'failure',
  lost: 'error',
  inconclusive: 'error',
  skipped: 'skipped',
} as const

export function junit({ plan, summary, results }: EndedRun): string {
  const counted = standings(plan, results)
  const cases = plan.instances.map(instance =>
    testCase(instance, results.get(instance.name), counted.get(instance.name), summary.id),
  )
  const scenarios = [...new Set(cases.map(({ scenario }) => scenario))]
  const body = scenarios.map(scenario => {
    const own = cases.filter(other => other.scenario === scenario)
    const properties = [
      ['run', summary.id],
      ['seed', String(summary.seed)],
      ['bundle', summary.bundle],
    ].map(([name, value]) => `      <property${attributes({ name, value })}/>`)
    const head = attributes({ name: scenario, ...totals(own), timestamp: summary.startedAt.replace(/\.\d+Z$/, '') })
    return [
      `  <testsuite${head}>`,
      '    <properties>',
      ...properties,
      '    </properties>',
      ...own.map(({ xml }) => xml),
      '  </testsuite>',
    ].join('\n')
  })
  const head = attributes({ name: `torture ${summary.id}`, ...totals(cases) })
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${head}>\n${body.join('\n')}\n</testsuites>\n`
}

interface TestCase {
  readonly scenario: string
  readonly kind: 'failure' | 'error' | 'skipped' | undefined
  readonly seconds: number
  readonly xml: string
}

function totals(cases: readonly TestCase[]) {
  const of = (kind: TestCase['kind']) => String(cases.filter(other => other.kind === kind).length)
  const time = cases.reduce((seconds, { seconds: own }) => seconds + own, 0).toFixed(3)
  return { tests: String(cases.length), failures: of('failure'), errors: of('error'), skipped: of('skipped'), time }
}

function testCase(
  instance: PlannedInstance,
  result: InstanceResult | undefined,
  verdict: Verdict | undefined,
  runId: string,
): TestCase {
  const { name, scenario } = instance
  const kind = verdict === undefined ? 'error' : KIND[verdict]
  const seconds = (result?.durationMs ?? 0) / 1000
  const head = attributes({ classname: `torture.${scenario}`, name, time: seconds.toFixed(3) })
  const xml = `    <testcase${head}>\n${[...outcome(kind, told(instance, result), runId), systemOut(result)].join('')}    </testcase>`
  return { scenario, kind, seconds, xml }
}

/** On trial: with what it says about the bug as its reason. */
function told(instance: PlannedInstance, result: InstanceResult | undefined): InstanceResult | undefined {
  if (result === undefined || instance.trial === undefined) return result
  return { ...result, reason: answerOf(instance, result).text, failures: [] }
}

/** JUnit has one outcome a case: the first failure stands for all, whose list follows in its text. */
function outcome(kind: TestCase['kind'], result: InstanceResult | undefined, runId: string): string[] {
  if (kind === undefined) return []
  const first = result?.failures[0]
  const message = first?.message ?? result?.reason ?? 'never finished: the run was cut off'
  if (kind === 'skipped') return [`      <skipped${attributes({ message })}/>\n`]
  const type = first?.oracle ?? result?.verdict ?? 'unfinished'
  const text = (result?.failures ?? []).map(failure => failureText(failure, runId))
  const all = [
    ...(result?.reason === undefined || first !== undefined ? [] : [result.reason]),
    ...text,
    ...(result?.bridge === undefined ? [] : [bridgeText(result.bridge, runId)]),
  ].join('\n')
  return [`      <${kind}${attributes({ message, type })}>${escaped(all)}</${kind}>\n`]
}

function failureText(failure: InstanceResult['failures'][number], runId: string): string {
  const { id, oracle, message, count, path, at, schedule } = failure
  const place = at === undefined ? '' : `\n  at ${at}`
  const again = schedule === undefined ? '' : `\n  schedule ${schedule}\n  ${replayCommand(runId, id)}`
  return `${oracle}: ${message} (seen ${count} times; ${path})${place}${again}`
}

function bridgeText({ sentence, replay }: Bridge, runId: string): string {
  return replay === undefined ? sentence : `${sentence}\n  ${replayCommand(runId, replay)}`
}

function systemOut(result: InstanceResult | undefined): string {
  if (result === undefined) return ''
  const { seed, host, rounds, params, threads, bugs, jitter, counters, nearMisses, blindSpots } = result
  const facts = JSON.stringify({
    seed,
    host,
    rounds,
    params,
    threads,
    bugs,
    jitter,
    counters,
    nearMisses,
    blindSpots,
    outcomes: result.outcomes,
    exploration: result.exploration,
  })
  return `      <system-out>${escaped(facts)}</system-out>\n`
}

function attributes(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escaped(value).replaceAll('\n', '&#10;').replaceAll('\t', '&#9;')}"`)
    .join('')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** What XML 1.0 cannot hold, not even escaped, becomes U+FFFD. */
function escaped(text: string): string {
  return stripVTControlCharacters(text)
    .toWellFormed()
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"']/g, character => ENTITIES[character])
    .replaceAll('\r', '&#13;')
}
