/** The one command to type after a run. */
import { relative, resolve } from 'node:path'
import { duration, durationFlag, human, shownPath, sum } from '../format.ts'
import { excludedRate } from '../statistics.ts'
import { DEFAULT_ROOT } from '../store.ts'
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
  const [instance, search] = [(unproven ?? searched[0]).instance, (unproven ?? searched[0]).result?.exploration]
  const stress = [program(), 'run', ...selection(instance)].join(' ')
  if (unproven !== undefined && (search?.uncontrolled.length ?? 0) > 0) {
    return { command: stress, why: 'stress needs no control over what was loose here' }
  }
  const again = [program(), 'explore', ...selection(instance)]
  if (unproven !== undefined && (instance.explore?.focus.length ?? 0) > 0) {
    return { command: again.join(' '), why: 'without --focus: where threads meet is learnt' }
  }
  if (unproven !== undefined) {
    const ops = 4 * (instance.explore?.ops ?? 1)
    return {
      command: [...again, `--ops ${ops}`].join(' '),
      why: 'longer bodies meet more often; see the reason above first',
    }
  }
  const certified = new Set(
    searched.flatMap(({ instance, result }) =>
      result?.exploration?.certificate === undefined ? [] : instance.scenario,
    ),
  )
  if (searched.every(({ instance }) => certified.has(instance.scenario))) {
    return {
      command: stress,
      why: 'nothing is left to explore within these bounds; stress adds the engine and real time',
    }
  }
  const longer = durationFlag(longerThan(Math.max(...plan.instances.map(({ durationMs }) => durationMs))))
  return {
    command: rerun(closing, `--duration ${longer}`, '--seed new'),
    why: plan.instances.some(({ bugs }) => bugs.length > 0)
      ? 'the bug was not caught: other schedules, for longer'
      : 'other schedules, for longer',
  }
}

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
