/** Sums what the threads count: named slots and passes of sites. */
import { MAX_SITES } from '../../../lib/shm/sites.ts'
import { type Control, MAX_SLOTS } from '../control.ts'
import type { SlotMessage } from '../messages.ts'

export type Counts = Record<string, number>

export class Tally {
  readonly #control: Control
  readonly #names: (SlotMessage & { readonly thread: number })[] = []
  readonly #seen: Int32Array
  readonly #passes = new Float64Array(MAX_SITES)

  constructor(control: Control) {
    this.#control = control
    this.#seen = new Int32Array(control.hits.length)
  }

  name(thread: number, message: SlotMessage): void {
    this.#names.push({ ...message, thread })
  }

  /** Totals of one kind, by name. */
  sum(kind: SlotMessage['kind']): Counts {
    const totals: Counts = {}
    for (const entry of this.#names)
      if (entry.kind === kind)
        totals[entry.name] = (totals[entry.name] ?? 0) + this.#control.slots[entry.thread * MAX_SLOTS + entry.slot]
    return totals
  }

  /** Takes in the passes of sites since the last call. At least every half hour, or the 32-bit counters lap. */
  takeSites(): void {
    const { hits } = this.#control
    for (let i = 0; i < hits.length; i++) {
      const value = hits[i]
      this.#passes[i % MAX_SITES] += (value - this.#seen[i]) | 0
      this.#seen[i] = value
    }
  }

  sites(names: readonly string[]): Counts {
    this.takeSites()
    return Object.fromEntries(names.map((name, i) => [name, this.#passes[i]]))
  }
}

export const total = (counts: Counts): number => Object.values(counts).reduce((sum, n) => sum + n, 0)
