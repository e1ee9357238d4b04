/** The closing summary: what was done, what it is worth, and the one command to type next. */
import { duration, fit, human, oneLine, percent, plural, shownPath, sum } from '../format.ts'
import type { InstanceResult, Plan, PlannedInstance, Verdict } from '../schema.ts'
import { excludedRate, rateInterval } from '../statistics.ts'
import { isOnTrial } from '../trials.ts'
import { addCounters, fallbackShare, mainWork } from '../work.ts'
import { comparesEngines, engineLines } from './engines.ts'
import { cleanText, explorationLines } from './exploration.ts'
import { hostLines } from './hosts.ts'
import { type Look, labelled } from './labelled.ts'
import { nextStep } from './next.ts'
import { outcomeLines } from './outcomes.ts'
import { markOf } from './palette.ts'
import type { EndedRun } from './reporter.ts'
import { trialLines, trialTally } from './trials.ts'
import { interleavingLines, troubleLines } from './trouble.ts'

const MS_PER_HOUR = 3_600_000

/** The closing summary, lines without their ends. */
export function closingLines(closing: EndedRun, look: Look): string[] {
  const lines: string[] = []
  if (isOnTrial(closing.plan)) lines.push(...trialLines(closing, look), '')
  else for (const group of groupsOf(closing.plan)) lines.push(...groupLines(group, closing, look), '')
  if (!isOnTrial(closing.plan)) lines.push(...engineLines(closing, look))
  const hosts = hostLines(closing, look)
  if (hosts.length > 0) lines.push(...hosts, '')
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
  const explores = instances[0].mode === 'explore'
  const clean = explores && worst(verdicts) === 'pass'
  const outcome = clean ? cleanText(results) : tally(verdicts)
  const head = `${look.paint(colour, sign)} ${look.paint('bold', name)}  ${look.paint(colour, outcome)}`
  const lines = [fit(head, look.columns)]
  lines.push(...troubleLines(instances, closing, look))
  if (results.length === 0) return lines
  const add = (label: string, text: string) => {
    if (text !== '') lines.push(...labelled(label, text, look, label === 'blind' ? { most: 1 } : {}))
  }
  add('work', workText(results, explores))
  // Where engines are compared, their outcomes stand side by side below.
  if (!comparesEngines(closing.plan)) lines.push(...outcomeLines(results, explores, look))
  if (explores) lines.push(...explorationLines(results, look))
  // A bug that was not caught says something of the test; of the code, nothing.
  else if (instances[0].bugs.length === 0) add('worth', worthText(results))
  add('bridge', bridgeText(results))
  const found = results.find(({ bridge }) => bridge?.replay !== undefined)?.bridge?.replay
  if (found !== undefined) lines.push(...interleavingLines(closing.interleavings.get(found), look))
  add('near', nearText(results))
  add('bug', bugText(instances, results))
  add('with', withText(instances[0], results))
  add('blind', [...new Set(results.flatMap(result => result.blindSpots))].map(oneLine).join('; '))
  return lines
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

const singular = (name: string): string => name.replace(/ies$/, 'y').replace(/s$/, '')

/** `13.1 M faults, 1.31 M/s, 0.42% fell back · 31 rounds · seed 7`. */
function workText(all: readonly InstanceResult[], explores: boolean): string {
  const begun = all.filter(({ durationMs, rounds }) => durationMs > 0 || rounds > 0)
  const results = begun.length > 0 ? begun : all
  const counters = addCounters(results.map(result => result.counters))
  const seconds = sum(results.map(result => result.durationMs)) / 1000
  const rounds = sum(results.map(result => result.rounds))
  const each = results.length > 1 ? ' each' : ''
  const { name, n } = mainWork({ counters, rounds }, explores)
  const share = explores ? undefined : fallbackShare(counters)
  const rate = seconds > 0 ? `, ${human(n / seconds)}/s${each}` : ''
  const fell = share === undefined ? '' : `, ${percent(share)} fell back`
  const parts = [`${human(n)} ${n === 1 ? singular(name) : name}${rate}${fell}`]
  if (name !== 'rounds' && !explores) parts.push(plural(rounds, 'round'))
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

/** What the searches said that followed failures, the same once. */
function bridgeText(results: readonly InstanceResult[]): string {
  return [...new Set(results.flatMap(({ bridge }) => bridge?.sentence ?? []))].map(oneLine).join('; ')
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
  const failed = results.filter(({ verdict }) => ['fail', 'hang', 'crash'].includes(verdict))
  const caught = failed.filter(({ sites }) => !wasNeverEntered(windows, sites)).length
  const otherwise = failed.length > caught ? '; what failed did so before its window was entered' : ''
  const outcome =
    caught === results.length ? 'caught' : caught === 0 ? 'not caught' : `caught by ${caught} of ${results.length}`
  const parts = bugs.map((bug, n) => {
    const window = windows[n]
    return window === undefined ? bug : `${bug} (its window entered ${plural(sites[window] ?? 0, 'time')})`
  })
  return bugs.length === 0 ? '' : `${parts.join(', ')}: ${outcome}${otherwise}`
}

/** A guest that was killed counted nothing, and then nothing is known. */
const wasNeverEntered = (windows: readonly string[], sites: InstanceResult['sites']): boolean =>
  windows.length > 0 && Object.keys(sites).length > 0 && windows.every(site => (sites[site] ?? 0) === 0)

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
  if (instance.mode === 'stress' && results.some(result => result.oversubscribed)) parts.push('more threads than CPUs')
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
  const several = isOnTrial(plan) ? trialTally({ plan, results }) : tally(verdicts)
  const scale = instances.length === 1 ? '1 instance' : several
  const word = verdict === undefined ? (running ? 'RUNNING' : 'CUT OFF') : WORD[verdict]
  const text = `${scale}${took} · seed ${seed} · ${shownPath(dir)}`
  return labelled(word, text, look, { indent: 0, label: markOf(verdict).colour })
}
