/** The one command to type after a run. */
import { relative, resolve } from 'node:path'
import { duration, durationFlag, human, shownPath, sum } from '../format.ts'
import type { Exploration, PlannedInstance } from '../schema.ts'
import { excludedRate } from '../statistics.ts'
import { DEFAULT_ROOT } from '../store.ts'
import { bugRows, isOnTrial, standings } from '../trials.ts'
import { program, quoted, selection } from '../typed.ts'
import type { EndedRun } from './reporter.ts'
import { isShort } from './trouble.ts'

export interface NextStep {
  readonly command: string
  /** What it is good for, or where to look before; may be empty. */
  readonly why: string
}

const LADDER_MS = [10_000, 60_000, 300_000, 1_800_000, 7_200_000, 28_800_000]

export function nextStep(closing: EndedRun): NextStep {
  const { plan, summary, results } = closing
  if (closing.running) return { command: report(closing), why: 'again, when it has ended: it is still running' }
  if (isOnTrial(plan)) return afterTrials(closing)
  const all = plan.instances.map(({ name }) => results.get(name))
  const failure = all.flatMap(result => result?.failures ?? [])[0]
  const troubled = all.find(result => ['fail', 'hang', 'crash', 'lost'].includes(result?.verdict ?? ''))
  const bridged = all.find(result => result?.bridge?.replay !== undefined)?.bridge?.replay
  const again = failure?.schedule === undefined ? bridged : failure.id
  if (again !== undefined) return replay(closing, again)
  if (troubled !== undefined) {
    const evidence = resolve(closing.dir, failure?.id ?? troubled.name)
    return { command: rerun(closing, '--failed'), why: `the evidence is in ${shownPath(evidence)}` }
  }
  if (summary.finishedAt === undefined || all.includes(undefined))
    return { command: rerun(closing), why: 'completes the run: what passed stays' }
  if (plan.instances.every(({ mode }) => mode === 'explore')) return afterSearch(closing)
  const longer = durationFlag(longerThan(Math.max(...plan.instances.map(instance => instance.durationMs))))
  if (all.some(result => result?.verdict === 'inconclusive')) {
    return {
      command: rerun(closing, '--failed', `--duration ${longer}`),
      why: 'gives it more time; where the reason above names a parameter, change that first',
    }
  }
  const why = plan.instances.some(({ bugs }) => bugs.length > 0)
    ? 'the bug was not caught: give it more time, and new seeds with --seed new'
    : worthOf(closing, longer)
  return { command: rerun(closing, `--duration ${longer}`), why }
}

/** So many bugs are named again; more of them were hardly typed. */
const FEW = 3

/** After `torture bugs`. */
function afterTrials(closing: EndedRun): NextStep {
  const { plan, summary, results } = closing
  const counted = plan.instances.map(({ name }) => standings(plan, results).get(name))
  if (summary.finishedAt === undefined || counted.includes(undefined))
    return { command: rerun(closing), why: 'completes the run: what was tried stays' }
  const escaped = plan.instances.find((_, n) => counted[n] !== 'pass' && counted[n] !== 'skipped')
  if (escaped === undefined) {
    const bugs = bugRows(plan, results).map(({ bug }) => bug)
    const few = bugs.length <= FEW ? bugs : []
    return { command: [program(), 'bugs', ...few, '--times 30'].join(' '), why: 'with more seeds' }
  }
  const evidence = resolve(closing.dir, results.get(escaped.name)?.failures[0]?.id ?? escaped.name)
  return {
    command: rerun(closing, '--failed', '--seed new'),
    why: `tries again what did not go as it should, with new seeds; the evidence is in ${shownPath(evidence)}`,
  }
}

/** The interleaving of a failure is on the screen already where it is short. */
function replay(closing: EndedRun, id: string): NextStep {
  const shown = isShort(closing.interleavings.get(id))
  const failure = closing.last ? id : `${closing.plan.id}/${id}`
  return {
    command: command('replay', { ...closing, last: true }, [failure, ...(shown ? [] : ['--trace'])]),
    why: shown ? 'carries it out again; after a change, on the changed code' : 'shows it step by step',
  }
}

/** After a search that found nothing. */
function afterSearch(closing: EndedRun): NextStep {
  const { plan, results } = closing
  const searched = plan.instances.map(instance => ({ instance, result: results.get(instance.name) }))
  const unproven = searched.find(({ result }) => result?.verdict === 'inconclusive')
  if (unproven !== undefined) return afterNothing(unproven.instance, unproven.result?.exploration)
  const proved = searched.filter(({ result }) => result?.exploration?.certificate !== undefined)
  const certified = new Set(proved.map(({ instance }) => instance.scenario))
  if (plan.instances.every(({ scenario }) => certified.has(scenario))) {
    return {
      command: typed('run', plan.instances[0]),
      why: 'nothing is left to explore within these bounds; stress adds the engine and real time',
    }
  }
  const longer = durationFlag(longerThan(Math.max(...plan.instances.map(({ durationMs }) => durationMs))))
  const escaped = plan.instances.some(({ bugs }) => bugs.length > 0) ? 'the bug was not caught: ' : ''
  return {
    command: rerun(closing, `--duration ${longer}`, '--seed new'),
    why: `${escaped}other schedules, for longer`,
  }
}

/** After a search that proves nothing: something was loose, or no threads met. */
function afterNothing(instance: PlannedInstance, search: Exploration | undefined): NextStep {
  const { focus, ops } = instance.explore!
  if (search !== undefined && search.uncontrolled.length > 0) {
    return { command: typed('run', instance), why: 'stress needs no control over what was loose here' }
  }
  if (focus.length > 0) {
    return { command: typed('explore', instance), why: 'without --focus: where threads meet is learnt' }
  }
  if (search?.asksMore === false) {
    return {
      command: typed('run', instance),
      why: 'stress sees plain accesses, too; no body calls more(), so --ops would change nothing',
    }
  }
  return {
    command: `${typed('explore', instance)} --ops ${4 * ops}`,
    why: 'longer bodies meet more often; see the reason above first',
  }
}

const typed = (name: string, instance: PlannedInstance) => [program(), name, ...selection(instance)].join(' ')

const rerun = (run: EndedRun, ...flags: readonly string[]) => command('rerun', run, flags)
const report = (run: EndedRun) => command('report', run, [])

/** Names the run and its folder only where they are not the ones that the command takes by itself. */
function command(name: string, { plan, dir, last }: EndedRun, flags: readonly string[]): string {
  const root = resolve(dir, '..')
  const results = root === resolve(DEFAULT_ROOT) ? [] : [`--results ${quoted(relative(process.cwd(), root) || '.')}`]
  return [`${program()} ${name}`, ...(last ? [] : [plan.id]), ...flags, ...results].join(' ')
}

const longerThan = (ms: number) => LADDER_MS.find(step => step >= 4 * ms) ?? 4 * ms

/** What the longer run would be worth if it is clean. */
function worthOf({ plan, results }: EndedRun, longer: string): string {
  const cpuMs = sum([...results.values()].map(result => result.cpuMs))
  const longest = Math.max(...plan.instances.map(instance => instance.durationMs))
  const ms = longerThan(longest)
  const hours = (cpuMs * (ms / longest)) / 3_600_000
  if (hours === 0) return ''
  return `clean for ${longer}, it would exclude more than ${human(excludedRate(hours))} failures per CPU-hour (${duration(hours * 3_600_000)} of CPU time)`
}
