/** The closing summary: what was done, what it is worth, and the one command to type next. */
import { resolve } from 'node:path'
import { duration, fit, human, oneLine, percent, plural, shownPath, sum, wrap } from '../format.ts'
import type { InstanceResult, Plan, PlannedInstance, Verdict } from '../schema.ts'
import { excludedRate, rateInterval } from '../statistics.ts'
import { addCounters, fallbackShare, mainCounter } from '../work.ts'
import { nextStep } from './next.ts'
import { type Colour, markOf, type Palette } from './palette.ts'
import type { EndedRun } from './reporter.ts'

export interface Look {
  readonly columns: number
  readonly paint: Palette
}

const MOST_LISTED = 10
const MOST_FAILURES = 5
const MS_PER_HOUR = 3_600_000
/** Where the text beside a label starts. */
const INDENT = 11

/** The closing summary, lines without their ends. */
export function closingLines(closing: EndedRun, look: Look): string[] {
  const lines: string[] = []
  for (const group of groupsOf(closing.plan)) lines.push(...groupLines(group, closing, look), '')
  lines.push(...verdictLines(closing, look))
  const { command, why } = nextStep(closing)
  lines.push(...labelled('next', command, look, { indent: 0, text: 'bold' }))
  if (why !== '') lines.push(...labelled('', why, look))
  return lines
}

/** Instances of one scenario that differ in number and seed only. */
interface Group {
  readonly name: string
  readonly instances: readonly PlannedInstance[]
}

function groupsOf(plan: Plan): Group[] {
  const groups = new Map<string, PlannedInstance[]>()
  for (const instance of plan.instances) {
    const stem = instance.name.replace(/\.\d+$/, '')
    const group = groups.get(stem)
    if (group === undefined) groups.set(stem, [instance])
    else group.push(instance)
  }
  return [...groups].map(([stem, instances]) => ({
    name: instances.length === 1 ? instances[0].name : `${instances.length}*${stem}`,
    instances,
  }))
}

function groupLines({ name, instances }: Group, closing: EndedRun, look: Look): string[] {
  const results = instances.flatMap(instance => closing.results.get(instance.name) ?? [])
  const verdicts = instances.map(instance => closing.results.get(instance.name)?.verdict)
  const { sign, colour } = markOf(worst(verdicts))
  const head = `${look.paint(colour, sign)} ${look.paint('bold', name)}  ${look.paint(colour, tally(verdicts))}`
  const lines = [fit(head, look.columns)]
  lines.push(...troubleLines(instances, closing, look))
  if (results.length === 0) return lines
  const add = (label: string, text: string) => {
    if (text !== '') lines.push(...labelled(label, text, look, label === 'blind' ? { most: 1 } : {}))
  }
  add('work', workText(results))
  // A bug that was not caught says something of the test; of the code, nothing.
  if (instances[0].bugs.length === 0) add('worth', worthText(results))
  add('near', nearText(results))
  add('bug', bugText(instances, results))
  add('with', withText(instances[0], results))
  add('blind', [...new Set(results.flatMap(result => result.blindSpots))].map(oneLine).join('; '))
  return lines
}

interface Style {
  /** Blanks before the label. */
  readonly indent?: number
  readonly label?: Colour
  readonly text?: Colour
  /** Lines that the text may take; the last one is cut. */
  readonly most?: number
}

/** A label and its text, which goes on below itself where the terminal is too narrow. */
function labelled(label: string, text: string, { columns, paint }: Look, style: Style = {}): string[] {
  const room = Math.max(20, columns - INDENT)
  const { indent = 2, most = 4 } = style
  const wrapped = wrap(text, room)
  const lines = wrapped.slice(0, most)
  if (wrapped.length > most) lines.push(fit(`${lines.pop()} ${wrapped.slice(most).join(' ')}`, room))
  return lines.map((line, n) => {
    const head = n === 0 ? label.padEnd(INDENT - indent) : ' '.repeat(INDENT - indent)
    return `${' '.repeat(indent)}${paint(style.label ?? 'gray', head)}${style.text ? paint(style.text, line) : line}`
  })
}

const SEVERITY: readonly (Verdict | undefined)[] = [
  'fail',
  'hang',
  'crash',
  'lost',
  undefined,
  'inconclusive',
  'pass',
  'skipped',
]

const worst = (verdicts: readonly (Verdict | undefined)[]) => SEVERITY.find(verdict => verdicts.includes(verdict))

const WORDS: Readonly<Record<Verdict, string>> = {
  pass: 'passed',
  fail: 'failed',
  hang: 'hung',
  crash: 'crashed',
  lost: 'lost',
  inconclusive: 'inconclusive',
  skipped: 'skipped',
}

/** The run's verdict, short enough to stand before the text. */
const WORD: Readonly<Record<Verdict, string>> = {
  pass: 'PASS',
  fail: 'FAIL',
  hang: 'HANG',
  crash: 'CRASH',
  lost: 'LOST',
  inconclusive: 'UNPROVEN',
  skipped: 'SKIPPED',
}

/** `pass`, or `2 passed, 1 failed`. */
function tally(verdicts: readonly (Verdict | undefined)[]): string {
  if (verdicts.length === 1) return verdicts[0] ?? 'never finished'
  const counts = SEVERITY.map(verdict => [verdict, verdicts.filter(other => other === verdict).length] as const)
  return counts
    .filter(([, n]) => n > 0)
    .reverse()
    .map(([verdict, n]) => `${n} ${verdict === undefined ? 'never finished' : WORDS[verdict]}`)
    .join(', ')
}

/** The instances that did not pass: why, and each of their failures with the folder that holds the evidence. */
function troubleLines(instances: readonly PlannedInstance[], closing: EndedRun, look: Look): string[] {
  const troubled = instances.filter(({ name }) => {
    const verdict = closing.results.get(name)?.verdict
    return verdict !== undefined && verdict !== 'pass'
  })
  const lines = troubled.slice(0, MOST_LISTED).flatMap(({ name }) => {
    const result = closing.results.get(name)!
    const { verdict, reason, failures } = result
    const more = failures.length - MOST_FAILURES
    return [
      ...(instances.length === 1 ? [] : [instanceLine(result, look)]),
      // The reason of what a guest found itself only repeats its first failure.
      ...(result.by === 'guest' && failures.length > 0 ? [] : reasonLines(verdict, reason, look)),
      ...failures.slice(0, MOST_FAILURES).flatMap(failure => failureLines(failure, closing, look)),
      ...(more > 0 ? labelled('', `and ${plural(more, 'further failure')}`, look) : []),
    ]
  })
  const more = troubled.length - MOST_LISTED
  if (more > 0) lines.push(...labelled('', `and ${more} more: torture report --format json`, look))
  return lines
}

function instanceLine({ name, verdict, seed, durationMs, host }: InstanceResult, { columns, paint }: Look): string {
  const { sign, colour } = markOf(verdict)
  const where = host === 'local' ? '' : ` on ${host}`
  return fit(
    `  ${paint(colour, `${sign} ${name}`)}  ${verdict} after ${duration(durationMs)}${where}, seed ${seed}`,
    columns,
  )
}

function reasonLines(verdict: Verdict, reason = 'no reason is recorded', look: Look): string[] {
  const { colour } = markOf(verdict)
  return labelled(verdict === 'inconclusive' ? 'why' : verdict, oneLine(reason), look, { label: colour })
}

function failureLines({ oracle, message, count, id }: InstanceResult['failures'][number], run: EndedRun, look: Look) {
  const times = count > 1 ? ` (${human(count)} times)` : ''
  return [
    ...labelled(`${oracle} `, `${oneLine(message)}${times}`, look, { label: 'red' }),
    // Whole, however narrow the terminal is: it is there to be copied.
    ...labelled('', shownPath(resolve(run.dir, id)), look, { text: 'cyan' }),
  ]
}

/** `13.1 M faults, 1.31 M/s, 0.42% fell back · 31 rounds · seed 7`. */
function workText(results: readonly InstanceResult[]): string {
  const counters = addCounters(results.map(result => result.counters))
  const seconds = sum(results.map(result => result.durationMs)) / 1000
  const rounds = sum(results.map(result => result.rounds))
  const each = results.length > 1 ? ' each' : ''
  const rate = (n: number) => (seconds > 0 ? `, ${human(n / seconds)}/s${each}` : '')
  const main = mainCounter(counters)
  const share = fallbackShare(counters)
  const parts = main === undefined ? [] : [`${human(counters[main])} ${main}${rate(counters[main])}`]
  if (share !== undefined) parts[0] += `, ${percent(share)} fell back`
  parts.push(`${plural(rounds, 'round')}${main === undefined ? rate(rounds) : ''}`)
  parts.push(duration((seconds * 1000) / results.length) + each)
  return parts.join(' · ')
}

/** What the CPU time of a group says about the rate of failures. */
function worthText(results: readonly InstanceResult[]): string {
  const counted = results.filter(
    ({ verdict }) => verdict !== 'lost' && verdict !== 'inconclusive' && verdict !== 'skipped',
  )
  const cpuMs = sum(counted.map(result => result.cpuMs))
  if (cpuMs === 0) return ''
  const failed = counted.filter(({ verdict }) => verdict !== 'pass').length
  const hours = cpuMs / MS_PER_HOUR
  if (failed === 0) {
    return `${duration(cpuMs)} of CPU time clean: excludes more than ${human(excludedRate(hours))} failures per CPU-hour at 95%`
  }
  const { rate, low, high } = rateInterval(failed, hours)
  return `${failed} in ${duration(cpuMs)} of CPU time: ${human(rate)} failures per CPU-hour (${human(low)} to ${human(high)} at 95%)`
}

function nearText(results: readonly InstanceResult[]): string {
  const near = Object.entries(addCounters(results.map(result => result.nearMisses))).filter(([, n]) => n > 0)
  if (near.length === 0) return ''
  near.sort(([, a], [, b]) => b - a)
  const listed = near.slice(0, 3).map(([what, n]) => `${human(n)}× ${oneLine(what)}`)
  return `${plural(sum(near.map(([, n]) => n)), 'near miss')}: ${listed.join(', ')}${near.length > 3 ? ', …' : ''}`
}

function bugText(instances: readonly PlannedInstance[], results: readonly InstanceResult[]): string {
  const { bugs, windows = [] } = instances[0]
  const sites = addCounters(results.map(result => result.sites))
  const caught = results.filter(({ verdict }) => ['fail', 'hang', 'crash'].includes(verdict)).length
  const outcome =
    caught === results.length ? 'caught' : caught === 0 ? 'not caught' : `caught by ${caught} of ${results.length}`
  const parts = bugs.map((bug, n) => {
    const window = windows[n]
    return window === undefined ? bug : `${bug} (its window entered ${plural(sites[window] ?? 0, 'time')})`
  })
  return bugs.length === 0 ? '' : `${parts.join(', ')}: ${outcome}`
}

/** Threads, and what differs from the scenario's own values. */
function withText(
  { threads, jitter, params, defaults = {}, ...instance }: PlannedInstance,
  results: readonly InstanceResult[],
): string {
  const parts = [threads.map(({ name, count }) => `${count} ${name}${count === 1 ? '' : 's'}`).join(', ')]
  if (results.length === 1) parts.unshift(`seed ${results[0].seed}`)
  if (jitter !== 'off') parts.push(`jitter ${jitter}`)
  for (const [name, usual] of Object.entries(defaults)) parts.push(`${name}=${params[name]} (not ${usual})`)
  if (instance.nodeArgs !== undefined) parts.push(instance.nodeArgs.join(' '))
  if (results.some(result => result.oversubscribed)) parts.push('more threads than CPUs')
  const throttled = Math.max(...results.map(result => result.throttled ?? 0))
  if (throttled > 0.05) parts.push(`throttled by its cgroup for ${percent(throttled)} of the time`)
  return parts.join(' · ')
}

function verdictLines({ plan, summary, results, dir, running }: EndedRun, look: Look): string[] {
  const { seed, instances } = plan
  const verdicts = instances.map(({ name }) => results.get(name)?.verdict)
  const ended = summary.finishedAt === undefined ? undefined : Date.parse(summary.finishedAt)
  const verdict = ended === undefined ? undefined : (summary.verdict ?? worst(verdicts))
  const took = ended === undefined ? '' : ` in ${duration(ended - Date.parse(summary.startedAt))}`
  const scale = instances.length === 1 ? '1 instance' : tally(verdicts)
  const word = verdict === undefined ? (running ? 'RUNNING' : 'CUT OFF') : WORD[verdict]
  const text = `${scale}${took} · seed ${seed} · ${shownPath(dir)}`
  return labelled(word, text, look, { indent: 0, label: markOf(verdict).colour })
}
