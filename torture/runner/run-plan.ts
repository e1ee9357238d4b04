/**
 * Carries out a plan: batch after batch of guests, each judged when it ends. The run's folder is right at any moment:
 * whoever kills us finds what had finished, and `torture rerun` does the rest.
 */
import { join } from 'node:path'
import { combine, judge } from '../../results/judge.ts'
import type { Reporter } from '../../results/reporters/reporter.ts'
import {
  type InstanceResult,
  type Interleaving,
  type Plan,
  type PlannedInstance,
  type RunSummary,
  SCHEMA,
} from '../../results/schema.ts'
import { appendEvent, prepareInstance, toRunInstance, writeSummary, writeVerdict } from '../../results/store.ts'
import { standings, timed } from '../../results/trials.ts'
import type { Bundle } from '../bundle/manifest.ts'
import { EXIT } from '../errors.ts'
import { CpuPool } from './affinity.ts'
import { attend } from './attend.ts'
import type { Stressed } from './bridge.ts'
import type { GuestProcess } from './guest-process.ts'
import { isSibling, type Stopped, stoppedEarly } from './stopped.ts'

/** A run that has its folder: new, or one that was cut off. */
export interface OpenRun {
  readonly dir: string
  readonly plan: Plan
  /** Names this process as the runner; its instances are what had ended before. */
  readonly summary: RunSummary
  readonly earlier?: readonly InstanceResult[]
}

export interface Ended {
  /** Exit status: that of the run, or 130 after SIGINT. */
  readonly status: number
  readonly summary: RunSummary
}

/**
 * @param signals whether signals that ask this process to end are taken as an order to stop the run
 * @throws where the results cannot be written; no guest is left behind
 */
export async function runPlan(run: OpenRun, bundle: Bundle, reporter: Reporter, signals = true): Promise<Ended> {
  const carrier = new Carrier(run, bundle, reporter)
  const release = signals ? onSignals(signal => carrier.interrupt(signal)) : () => {}
  try {
    return await carrier.carryOut()
  } finally {
    carrier.killAll()
    release()
    reporter.stop?.()
  }
}

class Carrier {
  readonly #dir: string
  readonly #plan: Plan
  readonly #bundle: Bundle
  readonly #reporter: Reporter
  readonly #instances: Map<string, PlannedInstance>
  readonly #guests = new Map<string, GuestProcess>()
  readonly #cpus = new CpuPool()
  readonly #earlier: readonly InstanceResult[]
  readonly #results = new Map<string, InstanceResult>()
  #summary: RunSummary
  #interrupted: NodeJS.Signals | undefined
  #broken: { readonly error: unknown } | undefined
  /** Why the rest of the run, or the rest of a scenario, is not worth doing any more. */
  readonly #stopped: Stopped[] = []

  constructor({ dir, plan, summary, earlier }: OpenRun, bundle: Bundle, reporter: Reporter) {
    this.#dir = dir
    this.#plan = plan
    this.#bundle = bundle
    this.#reporter = reporter
    this.#summary = summary
    this.#earlier = earlier ?? []
    for (const result of this.#earlier) this.#results.set(result.name, result)
    this.#instances = new Map(plan.instances.map(instance => [instance.name, instance]))
  }

  async carryOut(): Promise<Ended> {
    const { execa } = await import('execa')
    this.#reporter.start(this.#plan, this.#dir, this.#earlier)
    const finished = new Set(this.#summary.instances.map(({ name }) => name))
    for (const batch of this.#plan.batches) {
      const names = batch.filter(name => !finished.has(name))
      await Promise.allSettled(names.map(name => this.#attend(execa, this.#instances.get(name)!).catch(this.#break)))
      if (this.#broken !== undefined) throw this.#broken.error
    }
    return this.#finish()
  }

  /** The first signal asks for order, the second for an end. */
  interrupt(signal: NodeJS.Signals): void {
    if (this.#interrupted !== undefined) {
      this.killAll()
      process.exit(signal === 'SIGINT' ? EXIT.interrupted : 143)
    }
    this.#interrupted = signal
    appendEvent(this.#dir, { type: 'interrupted', signal })
    for (const guest of this.#guests.values()) guest.stop()
  }

  killAll(): void {
    for (const guest of this.#guests.values()) guest.kill()
  }

  /** Results that cannot be written are an end for all: what is running is not worth its time. */
  readonly #break = (error: unknown): void => {
    this.#broken ??= { error }
    this.killAll()
  }

  /** One instance from its start to its verdict. */
  async #attend(execa: typeof import('execa').execa, planned: PlannedInstance): Promise<void> {
    if (this.#interrupted !== undefined) return
    const instance = timed(planned, this.#results)
    const stopped = this.#whyStopped(instance)
    if (stopped !== undefined) {
      prepareInstance(this.#dir, instance.name)
      return this.#conclude(instance, skipped(instance, stopped.why))
    }
    const cpu = instance.mode === 'explore' ? this.#cpus.take() : undefined
    const place = { bundle: this.#bundle, folder: this.#dir, cpu }
    const { guest, ended } = attend(execa, instance, place, event => {
      if (event.type === 'failure')
        appendEvent(this.#dir, { type: 'failure', instance: instance.name, id: event.failure.id })
      this.#reporter.event(instance.name, event)
    })
    this.#guests.set(instance.name, guest)
    appendEvent(this.#dir, { type: 'started', instance: instance.name, host: 'local' })
    this.#reporter.instanceStarted(instance)
    const { result, failures, interleavings } = await ended
    this.#guests.delete(instance.name)
    this.#cpus.giveBack(cpu)
    if (this.#broken !== undefined) return
    const why = this.#interrupted ?? this.#whyStopped(instance)
    const counted = stoppedEarly(result, instance, why)
    this.#conclude(instance, counted, interleavings)
    await this.#bridge(execa, { instance, result: counted, failures })
  }

  /** After a failure of real threads: can a schedule be found that repeats it? */
  async #bridge(execa: typeof import('execa').execa, stressed: Stressed): Promise<void> {
    if (this.#interrupted !== undefined || !stressed.instance.bridgeMs) return
    const { bridgeTo, crossBridge } = await import('./bridge.ts')
    const search = bridgeTo(stressed, this.#dir)
    if (search === undefined) return
    const name = `${stressed.instance.name}/${search.name}`
    const cpu = this.#cpus.take()
    appendEvent(this.#dir, { type: 'bridge', instance: stressed.instance.name })
    this.#reporter.bridgeStarted?.({ ...search, name })
    const { result, interleaving } = await crossBridge(execa, stressed, search, {
      bundle: this.#bundle,
      runDir: this.#dir,
      cpu,
      started: guest => this.#guests.set(name, guest),
      // What it found is told with the instance's own failure.
      hear: event => event.type === 'stats' && this.#reporter.event(name, event),
    })
    this.#guests.delete(name)
    this.#cpus.giveBack(cpu)
    if (this.#broken !== undefined) return
    // Cut short, it is worth telling only if it found something.
    const counted = this.#interrupted === undefined || result.bridge?.found ? result : stressed.result
    this.#write(counted)
    this.#reporter.bridgeEnded?.(name, counted, interleaving)
  }

  /** The result's place is that of an earlier one of the same instance, if there is one. */
  #write(result: InstanceResult): void {
    writeVerdict(join(this.#dir, result.name), result)
    this.#results.set(result.name, result)
    const others = this.#summary.instances.filter(({ name }) => name !== result.name)
    this.#summary = { ...this.#summary, instances: [...others, toRunInstance(result)] }
    writeSummary(this.#dir, this.#summary)
  }

  #whyStopped(instance: PlannedInstance): Stopped | undefined {
    return this.#stopped.find(({ concerns }) => concerns(instance))
  }

  #conclude(
    instance: PlannedInstance,
    result: InstanceResult,
    interleavings?: ReadonlyMap<string, Interleaving>,
  ): void {
    this.#write(result)
    appendEvent(this.#dir, { type: 'ended', instance: result.name, verdict: result.verdict })
    this.#reporter.instanceEnded(result, interleavings)
    const failed = combine([result.verdict]).exitCode === EXIT.failed
    if (failed && this.#plan.failFast) {
      const asked = instance.mode === 'stress' ? '--fail-fast: ' : ''
      this.#stop({ why: `${asked}${result.name} had failed`, concerns: () => true })
    }
    if (result.exploration?.certificate !== undefined) {
      this.#stop({ why: `${result.name} had explored everything`, concerns: other => isSibling(instance, other) })
    }
  }

  /** Ends the guests that are concerned, in order; those that have not been started never will be. */
  #stop(stopped: Stopped): void {
    this.#stopped.push(stopped)
    for (const [name, guest] of this.#guests) {
      const instance = this.#instances.get(name)
      // A bridge belongs to what has ended already.
      if (instance !== undefined && stopped.concerns(instance)) guest.stop()
    }
  }

  /** Sets the run's verdict. A run that was interrupted is not final: `rerun` completes it in place. */
  #finish(): Ended {
    const { instances } = this.#summary
    const { verdict, exitCode } = combine(
      standings(this.#plan, this.#results).values(),
      this.#plan.instances.length - instances.length,
    )
    const finished = this.#interrupted === undefined
    this.#summary = {
      ...this.#summary,
      ...(finished && { finishedAt: new Date().toISOString() }),
      verdict,
      exitCode: finished ? exitCode : EXIT.interrupted,
    }
    writeSummary(this.#dir, this.#summary)
    if (finished) appendEvent(this.#dir, { type: 'finished', verdict })
    this.#reporter.end(this.#summary, this.#dir)
    const status = finished ? exitCode : this.#interrupted === 'SIGINT' ? EXIT.interrupted : 143
    return { status, summary: this.#summary }
  }
}

function skipped(instance: PlannedInstance, reason: string): InstanceResult {
  const { verdict: _, ...rest } = judge(instance, {}, { elapsedMs: 0 })
  return { ...rest, schema: SCHEMA, verdict: 'skipped', reason }
}

/** Calls back on every signal that asks us to end; returns how to undo that. */
function onSignals(act: (signal: NodeJS.Signals) => void): () => void {
  const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, act)
  return () => {
    for (const signal of signals) process.off(signal, act)
  }
}
