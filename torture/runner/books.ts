/**
 * The books of a run: what became of each instance, the summary, the log of events, and what has made the rest
 * needless. They are right on disk at any moment: whoever kills us finds what had finished, and `torture rerun` does
 * the rest. Who carries instances out tells them here, and the reporter hears of it.
 */
import { join } from 'node:path'
import { combine, judge } from '../../results/judge.ts'
import type { HostStatus, Reporter } from '../../results/reporters/reporter.ts'
import {
  type GuestEvent,
  type InstanceResult,
  type Interleaving,
  type Plan,
  type PlannedInstance,
  type RunSummary,
  SCHEMA,
} from '../../results/schema.ts'
import { appendEvent, prepareInstance, toRunInstance, writeSummary, writeVerdict } from '../../results/store.ts'
import { standings, timed } from '../../results/trials.ts'
import { EXIT } from '../errors.ts'
import type { Attended } from './attend.ts'
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

/** Between two summaries. */
const SUMMARY_MS = 200

export class Books {
  readonly dir: string
  readonly plan: Plan
  readonly #reporter: Reporter
  readonly #earlier: readonly InstanceResult[]
  readonly #results = new Map<string, InstanceResult>()
  readonly #stopped: Stopped[] = []
  #summary: RunSummary
  #interrupted: NodeJS.Signals | undefined
  #closed = false
  #summarisedAt = Number.NEGATIVE_INFINITY
  #later: NodeJS.Timeout | undefined
  #unwritten: { readonly error: unknown } | undefined
  /** Is told why instances that may be running are not worth their time any more. */
  onStopped: (stopped: Stopped) => void = () => {}

  constructor({ dir, plan, summary, earlier }: OpenRun, reporter: Reporter) {
    this.dir = dir
    this.plan = plan
    this.#reporter = reporter
    this.#summary = summary
    this.#earlier = earlier ?? []
    for (const result of this.#earlier) this.#results.set(result.name, result)
  }

  get interrupted(): boolean {
    return this.#interrupted !== undefined
  }

  open(): void {
    this.#reporter.start(this.plan, this.dir, this.#earlier)
  }

  /** Nothing is written any more: what a guest still says at its forced end is not what it would have said. */
  close(): void {
    this.#closed = true
  }

  hasEnded(name: string): boolean {
    return this.#results.has(name)
  }

  /** The instance as it is to run now; undefined where it is not to run any more, which is then written down. */
  due(planned: PlannedInstance): PlannedInstance | undefined {
    if (this.interrupted) return undefined
    const instance = timed(planned, this.#results)
    const stopped = this.#whyStopped(instance)
    if (stopped === undefined) return instance
    prepareInstance(this.dir, instance.name)
    this.#conclude(instance, skipped(instance, stopped.why))
    return undefined
  }

  /** @param more what else the log of events keeps of it */
  started(instance: PlannedInstance, host: string, more: Readonly<Record<string, string>> = {}): void {
    this.note('started', { instance: instance.name, host, ...more })
    this.#reporter.instanceStarted(instance, host)
  }

  heard(instance: PlannedInstance, event: GuestEvent): void {
    if (this.#closed) return
    if (event.type === 'failure') this.note('failure', { instance: instance.name, id: event.failure.id })
    this.#reporter.event(instance.name, event)
  }

  /** @returns the result as it counts; undefined where nothing counts any more */
  ended(instance: PlannedInstance, { result, interleavings }: Attended): InstanceResult | undefined {
    if (this.#closed) return undefined
    const counted = stoppedEarly(result, instance, this.#interrupted ?? this.#whyStopped(instance))
    this.#conclude(instance, counted, interleavings)
    return counted
  }

  bridgeStarted(instance: PlannedInstance, search: PlannedInstance, host: string): void {
    this.note('bridge', { instance: instance.name, host })
    this.#reporter.bridgeStarted?.(search, host)
  }

  /** What the search found is told with the instance's own failure. @param name of the search */
  bridgeHeard(name: string, event: GuestEvent): void {
    if (event.type === 'stats') this.#reporter.event(name, event)
  }

  /**
   * @param before the instance's result as it counted before the search
   * @param result with what the search found
   */
  bridgeEnded(name: string, before: InstanceResult, result: InstanceResult, interleaving?: Interleaving): void {
    if (this.#closed) return
    // Cut short, it is worth telling only if it found something.
    const counted = !this.interrupted || result.bridge?.found ? result : before
    this.#write(counted)
    this.#reporter.bridgeEnded?.(name, counted, interleaving)
  }

  /** @param changed whether it is worth a line */
  host(status: HostStatus, changed: boolean): void {
    if (this.#closed) return
    const { name, state, problem } = status
    if (changed) this.note('host', { host: name, state, ...(problem !== undefined && { problem }) })
    this.#reporter.hostChanged?.(status, changed)
  }

  /** A line of events.jsonl. */
  note(type: string, more: Readonly<Record<string, unknown>> = {}): void {
    appendEvent(this.dir, { type, ...more })
  }

  interrupt(signal: NodeJS.Signals): void {
    this.#interrupted = signal
    this.note('interrupted', { signal })
  }

  /** Sets the run's verdict. A run that was interrupted is not final: `rerun` completes it in place. */
  finish(): Ended {
    const { instances } = this.#summary
    const { verdict, exitCode } = combine(
      standings(this.plan, this.#results).values(),
      this.plan.instances.length - instances.length,
    )
    const finished = !this.interrupted
    this.#summary = {
      ...this.#summary,
      ...(finished && { finishedAt: new Date().toISOString() }),
      verdict,
      exitCode: finished ? exitCode : EXIT.interrupted,
    }
    this.#writeSummary()
    if (finished) this.note('finished', { verdict })
    this.#reporter.end(this.#summary, this.dir)
    const status = finished ? exitCode : this.#interrupted === 'SIGINT' ? EXIT.interrupted : 143
    return { status, summary: this.#summary }
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
    this.note('ended', { instance: result.name, verdict: result.verdict })
    this.#reporter.instanceEnded(result, interleavings)
    const failed = combine([result.verdict]).exitCode === EXIT.failed
    if (failed && this.plan.failFast) {
      const asked = instance.mode === 'stress' ? '--fail-fast: ' : ''
      this.#stop({ why: `${asked}${result.name} had failed`, concerns: () => true })
    }
    if (result.exploration?.certificate !== undefined) {
      this.#stop({ why: `${result.name} had explored everything`, concerns: other => isSibling(instance, other) })
    }
  }

  /** What runs of these is ended in order; what has not been started never will be. */
  #stop(stopped: Stopped): void {
    this.#stopped.push(stopped)
    this.onStopped(stopped)
  }

  /** The result's place is that of an earlier one of the same instance, if there is one. */
  #write(result: InstanceResult): void {
    writeVerdict(join(this.dir, result.name), result)
    this.#results.set(result.name, result)
    const others = this.#summary.instances.filter(({ name }) => name !== result.name)
    this.#summary = { ...this.#summary, instances: [...others, toRunInstance(result)] }
    this.#summarise()
  }

  /**
   * Replaces the summary: at once, but where results come in thick a moment later, for all of them together. The
   * verdicts are there already, and whoever reads the run believes them.
   */
  #summarise(): void {
    if (this.#unwritten !== undefined) throw this.#unwritten.error
    const wait = this.#summarisedAt + SUMMARY_MS - performance.now()
    if (wait <= 0) this.#writeSummary()
    else this.#later ??= setTimeout(() => this.#summariseLate(), wait)
  }

  #summariseLate(): void {
    try {
      this.#writeSummary()
    } catch (error) {
      // Nobody is there to hear of it: the next result is, or the end.
      this.#unwritten = { error }
    }
  }

  #writeSummary(): void {
    clearTimeout(this.#later)
    this.#later = undefined
    writeSummary(this.dir, this.#summary)
    this.#summarisedAt = performance.now()
  }
}

function skipped(instance: PlannedInstance, reason: string): InstanceResult {
  const { verdict: _, ...rest } = judge(instance, {}, { elapsedMs: 0 })
  return { ...rest, schema: SCHEMA, verdict: 'skipped', reason }
}
