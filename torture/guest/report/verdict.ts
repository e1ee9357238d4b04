/** From what was seen to the end record. A guest passes only if nothing speaks against it and rounds were done. */
import { availableParallelism } from 'node:os'
import type {
  Exploration,
  Failure,
  InstanceResult,
  OutcomeTable,
  PlannedInstance,
  Verdict,
} from '../../../results/schema.ts'
import { SCHEMA } from '../../../results/version.ts'
import { historyBlindSpot, historyDoubt } from '../history/history-counts.ts'
import type { Counts } from './tally.ts'

export interface Seen {
  readonly startedAt: string
  readonly durationMs: number
  readonly firstWorkMs?: number
  readonly rounds: number
  readonly counters: Counts
  readonly outcomes?: OutcomeTable
  readonly sites: Counts
  readonly nearMisses: Counts
  readonly failures: readonly Failure[]
  /** Why a worker died. */
  readonly crash?: string
  /** What the scenario says against itself. */
  readonly inconclusive?: string
  readonly throttled?: number
  readonly exploration?: Exploration
  readonly unseen: readonly string[]
  /** Whether the scenario has one. */
  readonly history: boolean
  /** Whether it was ended before its time by whoever started it. */
  readonly stopped: boolean
}

const EXIT_STATUS: Readonly<Partial<Record<Verdict, number>>> = { pass: 0, inconclusive: 4 }
export const exitStatus = (verdict: Verdict): number => EXIT_STATUS[verdict] ?? 1

export function judge(instance: PlannedInstance, seen: Seen): { verdict: Verdict; reason?: string } {
  const [failure] = seen.failures
  if (seen.crash !== undefined) return { verdict: 'crash', reason: seen.crash }
  if (failure !== undefined)
    return { verdict: failure.oracle === 'HANG' ? 'hang' : 'fail', reason: `${failure.oracle}: ${failure.message}` }
  if (seen.rounds === 0)
    return { verdict: 'inconclusive', reason: seen.stopped ? 'stopped before a round was done' : 'no round was done' }
  const doubt = seen.inconclusive ?? (seen.history ? historyDoubt(seen.counters) : undefined)
  if (doubt !== undefined) return { verdict: 'inconclusive', reason: doubt }
  const unseen = (instance.windows ?? []).find(name => !seen.sites[name])
  if (unseen === undefined) return { verdict: 'pass' }
  return { verdict: 'inconclusive', reason: `the bug's window was never entered: site ${unseen} was not passed` }
}

export function resultOf(instance: PlannedInstance, seen: Seen): InstanceResult {
  const availableCpus = availableParallelism()
  const threads = instance.threads.reduce((sum, { count }) => sum + count, 0)
  const { verdict, reason } = judge(instance, seen)
  return {
    schema: SCHEMA,
    name: instance.name,
    scenario: instance.scenario,
    verdict,
    ...(reason === undefined ? {} : { reason }),
    by: 'guest',
    host: process.env.TORTURE_HOST ?? 'local',
    seed: instance.seed,
    params: instance.params,
    threads: instance.threads,
    bugs: instance.bugs,
    jitter: instance.jitter,
    startedAt: seen.startedAt,
    durationMs: round(seen.durationMs),
    ...(seen.firstWorkMs === undefined ? {} : { firstWorkMs: round(seen.firstWorkMs) }),
    cpuMs: cpuMs(),
    rounds: seen.rounds,
    counters: seen.counters,
    rates: ratesOf(seen.counters, seen.durationMs),
    ...(seen.outcomes === undefined ? {} : { outcomes: seen.outcomes }),
    sites: seen.sites,
    nearMisses: seen.nearMisses,
    availableCpus,
    oversubscribed: instance.oversubscribed || threads > availableCpus,
    ...(seen.throttled === undefined ? {} : { throttled: seen.throttled }),
    ...(seen.exploration === undefined ? {} : { exploration: seen.exploration }),
    blindSpots: [
      ...(instance.mode === 'explore'
        ? exploredBlindSpots(instance, seen)
        : blindSpots(instance, seen, threads, availableCpus)),
      ...[historyBlindSpot(seen.counters)].filter(spot => spot !== undefined),
    ],
    failures: seen.failures.map(({ id, oracle, message, count, atMs }) => ({
      id,
      oracle,
      message,
      count,
      atMs,
      path: id,
    })),
  }
}

/** CPU time of the whole process so far, ms. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return Math.round((user + system) / 1000)
}

/** What a pass does not say. */
function blindSpots(instance: PlannedInstance, seen: Seen, threads: number, cpus: number): string[] {
  const spots = [
    'weak memory: Atomics are sequentially consistent here, so reorderings that a weaker ordering allows were not seen',
    'timing: the seed repeats the decisions of the scenario and of the harness, not the interleavings',
  ]
  if (threads > cpus)
    spots.push(`overlap: ${threads} threads shared ${cpus} CPU${cpus === 1 ? '' : 's'}, so few ran at the same time`)
  if (instance.jitter === 'off') spots.push('rare windows: no delays were injected (jitter off)')
  if (process.platform !== 'linux')
    spots.push(`starvation: on ${process.platform} a thread without CPU time looks like one that is stuck`)
  if ((seen.throttled ?? 0) > 0.05)
    spots.push(`throttling: the control group stopped the guest for ${Math.round(100 * seen.throttled!)}% of the time`)
  if (seen.stopped) spots.push(`time: it was stopped after ${(seen.durationMs / 1000).toFixed(1)} s`)
  return spots
}

/** What an exploration does not say. */
function exploredBlindSpots({ explore }: PlannedInstance, { unseen }: Seen): string[] {
  const spots = [
    'plain accesses and WebAssembly: only the Atomics of JavaScript are switching points, a race between other accesses was not seen',
  ]
  if (explore?.memoryModel === 'sc')
    spots.push('weak memory: all steps were sequentially consistent (see --memory-model)')
  spots.push('long runs: counters that wrap, and leaks that take millions of operations, were not reached')
  return [...spots, ...unseen]
}

function ratesOf(counters: Counts, durationMs: number): Counts {
  if (durationMs === 0) return {}
  return Object.fromEntries(Object.entries(counters).map(([name, n]) => [name, round((n * 1000) / durationMs)]))
}

const round = (x: number): number => Math.round(x * 100) / 100
