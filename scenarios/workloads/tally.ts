import { DONE } from '../../lib/mm/call/mmap.ts'
import { FAULT_OK, FAULT_OOM } from '../../lib/mm/fault/fault-codes.ts'
import type { Task } from '../../lib/mm/task.ts'
import type { Context } from './space.ts'

/** Turns of a body between two reports. */
const REPORT_EVERY = 64

/** Adds up what the accesses came to and hands it over now and then. */
export class Tally {
  readonly #task: Task
  readonly #count: Context['count']
  #segv = 0
  #oom = 0
  #mappings = 0
  #refused = 0
  #turns = 0

  constructor(task: Task, count: Context['count']) {
    this.#task = task
    this.#count = count
  }

  /** True when the access went well. */
  touched(code: number): boolean {
    if (code === FAULT_OOM) this.#oom++
    else if (code !== FAULT_OK) this.#segv++
    return code === FAULT_OK
  }

  /** A mapping operation. */
  changed(result: number): void {
    this.#mappings++
    if (result !== DONE) this.#refused++
  }

  sometimes(): void {
    if (++this.#turns === REPORT_EVERY) this.report()
  }

  report(): void {
    this.#turns = 0
    const { stats } = this.#task.k
    const count = this.#count
    count('faults', stats.faults)
    count('faults.fast', stats.fast)
    count('faults.segv', this.#segv)
    if (this.#oom > 0) count('faults.oom', this.#oom)
    count('mappings', this.#mappings)
    if (this.#refused > 0) count('mappings.enomem', this.#refused)
    for (const [name, n] of Object.entries(stats))
      if (n > 0 && name !== 'faults' && name !== 'fast') count(`faults.${name}`, n)
    for (const name of Object.keys(stats) as (keyof typeof stats)[]) stats[name] = 0
    this.#segv = 0
    this.#oom = 0
    this.#mappings = 0
    this.#refused = 0
  }
}
