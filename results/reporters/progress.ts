/** Where a run stands: shared by all that show progress. Times are those of the runner's clock, in milliseconds. */

import { sum } from '../format.ts'
import type { GuestEvent, InstanceResult, Interleaving, Plan, PlannedInstance, StatsLine } from '../schema.ts'
import { mainWork } from '../work.ts'
import type { HostStatus } from './reporter.ts'

export interface Running {
  readonly instance: PlannedInstance
  readonly startedAt: number
  /** Undefined: this machine. */
  readonly host?: string | undefined
  stats?: StatsLine
  /** The totals before those: the rate shown is that of the time between. */
  before?: StatsLine
  failures: number
}

export class Progress {
  readonly plan: Plan
  readonly startedAt: number
  readonly running = new Map<string, Running>()
  readonly results = new Map<string, InstanceResult>()
  readonly interleavings = new Map<string, Interleaving>()
  /** Of a fleet; none: this machine does it all. */
  readonly hosts = new Map<string, HostStatus>()
  readonly #planned: ReadonlyMap<string, PlannedInstance>
  readonly #now: () => number

  /**
   * @param earlier results of a run that is being completed
   * @param now     the clock
   */
  constructor(plan: Plan, earlier: Iterable<InstanceResult> = [], now: () => number = () => performance.now()) {
    this.plan = plan
    for (const result of earlier) this.results.set(result.name, result)
    this.#now = now
    this.startedAt = now()
    this.#planned = new Map(plan.instances.map(instance => [instance.name, instance]))
  }

  planned(name: string): PlannedInstance | undefined {
    return this.#planned.get(name)
  }

  started(instance: PlannedInstance, host?: string): void {
    this.running.set(instance.name, { instance, startedAt: this.#now(), host, failures: 0 })
  }

  host(status: HostStatus): void {
    this.hosts.set(status.name, status)
  }

  event(name: string, event: GuestEvent): void {
    const running = this.running.get(name)
    if (running === undefined) return
    if (event.type === 'failure') running.failures++
    if (event.type !== 'stats') return
    if (running.stats !== undefined) running.before = running.stats
    running.stats = event
    running.failures = Math.max(running.failures, event.failures)
  }

  ended(result: InstanceResult, interleavings: ReadonlyMap<string, Interleaving> = new Map()): void {
    this.running.delete(result.name)
    this.results.set(result.name, result)
    for (const [id, interleaving] of interleavings) this.interleavings.set(id, interleaving)
  }

  /** @param name of the search that followed the instance */
  bridgeEnded(name: string, result: InstanceResult, interleaving?: Interleaving): void {
    this.running.delete(name)
    this.results.set(result.name, result)
    const id = result.bridge?.replay
    if (id !== undefined && interleaving !== undefined) this.interleavings.set(id, interleaving)
  }

  get elapsedMs(): number {
    return this.#now() - this.startedAt
  }

  /** Share of the planned work that is done, 0..1. */
  get share(): number {
    let all = 0
    let done = 0
    for (const { name, durationMs, trial } of this.plan.instances) {
      // Of a bug on trial the time is only the most that it may take.
      const work = trial === undefined ? durationMs : 1
      all += work
      const running = this.running.get(name)
      if (this.results.has(name)) done += work
      else if (running !== undefined) done += work * Math.min(this.elapsedOf(running) / Math.max(durationMs, 1), 1)
    }
    return all === 0 ? 1 : done / all
  }

  /** What is left takes so long if each instance uses its time up: batch after batch, or spread over the hosts. */
  get remainingMs(): number {
    let left = 0
    const cpus = sum([...this.hosts.values()].filter(({ state }) => state === 'up').map(host => host.cpus))
    if (cpus > 0) {
      const lefts = this.plan.instances.map(({ name, cpus }) => ({ ms: this.#leftOf(name), cpus }))
      return Math.max(sum(lefts.map(one => one.ms * one.cpus)) / cpus, ...lefts.map(({ ms }) => ms))
    }
    for (const batch of this.plan.batches) left += Math.max(0, ...batch.map(name => this.#leftOf(name)))
    return left
  }

  #leftOf(name: string): number {
    const running = this.running.get(name)
    const durationMs = this.#planned.get(name)?.durationMs ?? 0
    if (this.results.has(name)) return 0
    return running === undefined ? durationMs : Math.max(0, durationMs - this.elapsedOf(running))
  }

  elapsedOf(running: Running): number {
    return this.#now() - running.startedAt
  }
}

/** The main work per second between the last two totals, or since the start where there is one only. */
export function currentRate({
  instance,
  stats,
  before,
}: Running): { readonly name: string; readonly perSecond: number } | undefined {
  if (stats === undefined) return undefined
  const explores = instance.mode === 'explore'
  const { name, n } = mainWork(stats, explores)
  const then = before === undefined ? 0 : mainWork(before, explores).n
  const ms = stats.atMs - (before?.atMs ?? 0)
  return ms > 0 ? { name, perSecond: (n - then) / (ms / 1000) } : undefined
}
