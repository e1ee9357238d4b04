/**
 * What became of the jobs of a run that a batch system carries out: a pure state machine. Times are numbers that the
 * caller gives, in milliseconds. Results decide; what the batch system says only tells when to wait for none.
 */
import type { TaskState } from '../carrier.ts'
import type { Job } from '../fleet/schedule.ts'

export interface Patience {
  /** For what never starts, or a system that does not answer. */
  readonly graceMs: number
  /** For a result to appear after its task has failed: files may take a moment to be seen elsewhere. */
  readonly settleMs: number
  /** The same after a task that ended well, or that may start again: there something is to come. */
  readonly shareMs: number
}

export const PATIENCE: Patience = { graceMs: 600_000, settleMs: 5_000, shareMs: 120_000 }

interface Entry {
  readonly job: Job
  readonly order: number
  state: 'queued' | 'placed' | 'done'
  /** An attempt of it runs, or has run. */
  begun: boolean
  /** Its task, `<array>.<index>`. */
  task?: string
  said?: TaskState | 'unknown'
  /** Since when the system says what makes us give it up. */
  since?: number | undefined
}

export class Ledger {
  readonly #patience: Patience
  readonly #entries = new Map<string, Entry>()
  #answeredAt: number
  /** When the system was last asked what became of the tasks. */
  #observedAt: number
  #silence: string | undefined

  constructor(now: number, patience = PATIENCE) {
    this.#answeredAt = now
    this.#observedAt = now
    this.#patience = patience
  }

  add(job: Job): void {
    this.#entries.set(job.key, { job, order: this.#entries.size, state: 'queued', begun: false })
  }

  /** Whether each job is done. */
  get over(): boolean {
    return this.#open().length === 0
  }

  isOpen(key: string): boolean {
    return (this.#entries.get(key)?.state ?? 'done') !== 'done'
  }

  /** Jobs that are in no array; the widest and longest first. */
  get queued(): Job[] {
    return this.#open()
      .filter(({ state }) => state === 'queued')
      .sort((a, b) => b.job.cpus - a.job.cpus || b.job.durationMs - a.job.durationMs || a.order - b.order)
      .map(({ job }) => job)
  }

  /** Jobs that a task of the batch system is to do, with it, and whether it is known to have begun. */
  get placed(): { readonly key: string; readonly task: string; readonly begun: boolean }[] {
    return this.#open().flatMap(({ job: { key }, task, begun }) => (task === undefined ? [] : [{ key, task, begun }]))
  }

  place(key: string, task: string): void {
    const entry = this.#entries.get(key)
    if (entry?.state === 'queued') Object.assign(entry, { state: 'placed', task })
  }

  begun(key: string): void {
    const entry = this.#entries.get(key)
    if (entry !== undefined) entry.begun = true
  }

  done(key: string): void {
    const entry = this.#entries.get(key)
    if (entry !== undefined) entry.state = 'done'
  }

  /** Something was heard of a task, through its journal. */
  alive(now: number): void {
    this.#answeredAt = now
  }

  /** What the batch system says of all tasks, by name. A task that it does not name it has forgotten. */
  observe(states: ReadonlyMap<string, TaskState>, now: number): void {
    this.#answeredAt = now
    this.#observedAt = now
    this.#silence = undefined
    for (const entry of this.#open()) {
      if (entry.task === undefined) continue
      const said = states.get(entry.task) ?? 'unknown'
      const same = JSON.stringify(said) === JSON.stringify(entry.said)
      entry.said = said
      if (!isEnd(said)) entry.since = undefined
      else if (!same || entry.since === undefined) entry.since = now
    }
  }

  /** Whether a task seems to have ended without a result: the system is to be asked again soon. */
  get anxious(): boolean {
    return this.#open().some(
      ({ said, since }) => since !== undefined && (said === 'unknown' || said?.state === 'ended'),
    )
  }

  /** It does not answer, and what it says of that. */
  silent(why: string): void {
    this.#silence = why
  }

  /** How many tasks wait for something else than their turn, and for what. */
  get waits(): ReadonlyMap<string, number> {
    const waits = new Map<string, number>()
    for (const { said, state } of this.#entries.values()) {
      if (state !== 'placed' || typeof said !== 'object' || said.state !== 'waiting' || said.why === undefined) continue
      waits.set(said.why, (waits.get(said.why) ?? 0) + 1)
    }
    return waits
  }

  /** Jobs that nobody will do, and why; each is to be ended by `done`. */
  lost(now: number): { readonly key: string; readonly why: string }[] {
    const silentFor = now - this.#answeredAt
    if (this.#silence !== undefined && silentFor >= this.#patience.graceMs) {
      const why = `the queue has not answered for ${Math.round(silentFor / 1000)} s: ${this.#silence}`
      return this.#open().map(({ job: { key } }) => ({ key, why }))
    }
    return this.#open().flatMap(({ job: { key }, said, since }) => {
      // A task that is about to be requeued seems to have ended: only what is still so counts.
      if (said === undefined || since === undefined || this.#observedAt - since < this.#patienceFor(said)) return []
      return [{ key, why: whyLost(said) }]
    })
  }

  #patienceFor(said: TaskState | 'unknown'): number {
    const { graceMs, settleMs, shareMs } = this.#patience
    if (said === 'unknown') return shareMs
    if (said.state === 'waiting') return graceMs
    return said.state === 'ended' && said.why !== undefined && !said.again ? settleMs : shareMs
  }

  #open(): Entry[] {
    return [...this.#entries.values()].filter(({ state }) => state !== 'done')
  }
}

const isEnd = (said: TaskState | 'unknown'): boolean =>
  said === 'unknown' || said.state === 'ended' || (said.state === 'waiting' && said.hopeless === true)

function whyLost(said: TaskState | 'unknown'): string {
  if (said === 'unknown') return 'the queue knows nothing of it any more, and no result has come'
  if (said.state === 'running') throw new Error('a task that runs is not lost')
  if (said.why !== undefined) return said.why
  return 'it has ended well and no result is to be seen: is the directory on a file system that all nodes share?'
}
