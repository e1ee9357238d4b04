/** When an attempt must have ended: its agent kills a guest that does not, and an agent that does not either is none. */
import type { PlannedInstance } from '../../results/schema.ts'

const START_MS = 60_000
/** For the next part of a result. */
const PART_MS = 60_000

export class Deadlines {
  readonly #times = new Map<string, number>()

  set(attempt: string, { durationMs, hangAfterMs }: PlannedInstance): void {
    this.#times.set(attempt, performance.now() + START_MS + 2 * (durationMs + 3 * hangAfterMs))
  }

  /** Its result is on the way. */
  extend(attempt: string): void {
    this.#times.set(attempt, performance.now() + PART_MS)
  }

  passed(attempt: string): boolean {
    return (this.#times.get(attempt) ?? Number.POSITIVE_INFINITY) < performance.now()
  }

  delete(attempt: string): void {
    this.#times.delete(attempt)
  }
}
