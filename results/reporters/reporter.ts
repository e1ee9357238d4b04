/** What the runner tells while a run goes on, and how it is shown. */
import type { GuestEvent, InstanceResult, Plan, PlannedInstance, RunSummary } from '../schema.ts'

export const REPORTERS = ['tty', 'plain', 'json', 'tap', 'junit'] as const
export type ReporterKind = (typeof REPORTERS)[number]

/** Every call returns at once and none throws; `dir` is the run's folder. */
export interface Reporter {
  start(plan: Plan, dir: string): void
  instanceStarted(instance: PlannedInstance): void
  /** What a guest said, by the instance's name. */
  event(name: string, event: GuestEvent): void
  instanceEnded(result: InstanceResult): void
  end(summary: RunSummary, dir: string): void
}

/** As `process.stdout` and `process.stderr`. */
export interface Streams {
  readonly stdout: NodeJS.WritableStream & Partial<Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'rows'>>
  readonly stderr: NodeJS.WritableStream & Partial<Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'rows'>>
}
